//! Observe in bytes: nothing in them can make a reader fail, what is written is read back, and the rules hold.

use atp_native::observing::lesson::Lesson;
use atp_native::observing::record::record;
use atp_native::wire::acknowledgement::Acknowledgement;
use atp_native::wire::fields::{Fields, Value};
use atp_native::wire::report::{Named, Report, read};
use atp_native::wire::writing::Message;
use proptest::prelude::*;

const NANOS: i64 = 1_000_000_000;

prop_compose! {
    /// A report's bytes with what they say.
    fn reports()(
        token in prop::collection::vec(any::<u8>(), 1..40), quality in 0.01..=1.0_f64, model in "\\PC{1,12}",
        deployment in "\\PC{0,12}", error in 0..=7_i64, tokens in 1..=NANOS, cost in 1..=1_000_000_000_000_000_i64,
        nanos in 1..NANOS, key in "\\PC{1,12}", text in "\\PC{0,12}",
    ) -> (Vec<u8>, Vec<u8>, f64, String, String, i64, i64, i64, i64, String, String) {
        let mut message = Message::default();
        message.text(1, &token);
        message.double(3, quality);
        message.message(4, |attempt| {
            attempt.text(1, &model);
            attempt.text(2, &deployment);
            attempt.int(3, error);
            attempt.message(4, |usage| {
                usage.int(3, tokens);
                usage.int(5, tokens);
            });
            attempt.int(5, cost);
            attempt.message(6, |latency| latency.int(2, nanos));
        });
        message.message(5, |label| {
            label.text(1, &key);
            label.text(2, &text);
        });
        (message.into_bytes(), token, quality, model, deployment, error, tokens, cost, nanos, key, text)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_report_says_what_was_written(
        (bytes, token, quality, model, deployment, error, tokens, cost, nanos, key, text) in reports(),
    ) {
        let (named, report) = read(&bytes).expect("a valid report");
        prop_assert_eq!(named, Named::Token(&token));
        prop_assert_eq!(report.quality, Some(quality));
        prop_assert_eq!(report.labels, vec![(key.as_str(), text.as_str())]);
        let [attempt] = report.attempts[..] else { panic!("one attempt") };
        prop_assert_eq!((attempt.model, attempt.deployment), (model.as_str(), deployment.as_str()));
        prop_assert_eq!((i64::from(attempt.error), attempt.cost), (error, Some(cost)));
        prop_assert_eq!(attempt.tokens, [None, None, Some(tokens), None, Some(tokens)]);
        prop_assert_eq!(attempt.latency, Some(nanos as f64 / NANOS as f64));
    }

    #[test]
    fn no_bytes_make_a_reader_fail(noise in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&noise);
        let _ = Lesson::read(&noise);
    }

    #[test]
    fn no_cut_and_no_flip_makes_a_reader_fail(
        (bytes, ..) in reports(), cut in any::<prop::sample::Index>(), bit in 0..8_u32,
    ) {
        let at = cut.index(bytes.len());
        let _ = read(&bytes[..at]);
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << bit;
        let _ = read(&flipped);
    }

    #[test]
    fn whatever_comes_twice_is_not_plain((bytes, ..) in reports()) {
        let twice = bytes.repeat(2);
        prop_assert_eq!(read(&twice), None);
    }

    #[test]
    fn every_report_has_room_in_a_record((bytes, ..) in reports()) {
        let (_, report) = read(&bytes).expect("a valid report");
        let plain = plain_lesson();
        let lesson = Lesson::read(&plain).expect("a lesson");
        prop_assert!(record(1, &lesson, &report, &Report::default()).is_some());
    }
}

/// What a token opens into, spelled out.
fn plain_lesson() -> Vec<u8> {
    let mut bytes = vec![3];
    for moment in [7_i64, 9] {
        bytes.extend(moment.to_le_bytes());
    }
    for figure in [0.25, 0.5, 0.75, 12.5] {
        bytes.extend(f64::to_le_bytes(figure));
    }
    for number in [1_i64, 2, -1, 4, 1, 2, 3, 1000, 5] {
        bytes.extend(number.to_le_bytes());
    }
    let parts = [&b"d-1"[..], b"large", b"large@north", b"flags.v1", b"default", &[0, 0, 128, 63]];
    for part in parts {
        bytes.extend(u16::try_from(part.len()).expect("short").to_le_bytes());
    }
    bytes.extend(parts.concat());
    bytes
}

#[test]
fn a_lesson_is_read_whole_or_not_at_all() {
    let bytes = plain_lesson();
    let lesson = Lesson::read(&bytes).expect("a lesson");
    assert_eq!((lesson.decided, lesson.expires, lesson.figures), (7, 9, [0.25, 0.5, 0.75, 12.5]));
    assert_eq!((lesson.prices, lesson.revisions, lesson.hold), ([1, 2, -1, 4, 5], [1, 2, 3], 1000));
    assert_eq!((lesson.decision_id, lesson.model, lesson.deployment), ("d-1", "large", "large@north"));
    assert_eq!((lesson.schema, lesson.policy, lesson.features), ("flags.v1", "default", &[0, 0, 128, 63][..]));
    for length in 0..bytes.len() {
        assert_eq!(Lesson::read(&bytes[..length]), None);
    }
    assert_eq!(Lesson::read(&[&bytes[..], &[0]].concat()), None);
    assert_eq!(Lesson::read(&[&[4], &bytes[1..]].concat()), None);
}

#[test]
fn a_lesson_of_an_earlier_version_is_read_without_what_came_later() {
    const HOLD_AT: usize = 105;
    let bytes = plain_lesson();
    let new = Lesson::read(&bytes).expect("a lesson");
    for (version, end, hold) in [(1, HOLD_AT, 0), (2, HOLD_AT + 8, 1000)] {
        let earlier = [&[version], &bytes[1..end], &bytes[HOLD_AT + 16..]].concat();
        let old = Lesson::read(&earlier).expect("a lesson");
        assert_eq!(old, Lesson { hold, prices: [1, 2, -1, 4, -1], ..new.clone() });
        for length in 0..earlier.len() {
            assert_eq!(Lesson::read(&earlier[..length]), None);
        }
    }
}

#[test]
fn a_text_too_long_for_the_layout_is_not_cut_short() {
    let (bytes, long) = (plain_lesson(), "x".repeat(65_536));
    let lesson = Lesson::read(&bytes).expect("a lesson");
    let report = Report { labels: vec![("key", &long)], ..Report::default() };
    assert_eq!(record(1, &lesson, &report, &Report::default()), None);
}

/// A report with one attempt, of which `fill` writes one field.
fn with(fill: impl Fn(&mut Message)) -> bool {
    let mut message = Message::default();
    message.text(1, "token");
    message.message(4, |attempt| {
        attempt.text(1, "large");
        fill(attempt);
    });
    read(&message.into_bytes()).is_some()
}

#[test]
fn a_report_that_breaks_a_rule_is_not_plain() {
    assert!(with(|_| {}));
    assert!(with(|attempt| attempt.message(6, |latency| latency.int(1, 86_400))));
    assert!(!with(|attempt| attempt.int(3, 8)));
    assert!(!with(|attempt| attempt.int(5, -1)));
    assert!(!with(|attempt| attempt.int(5, 1_000_000_000_000_001)));
    assert!(!with(|attempt| attempt.text(2, "x".repeat(129))));
    assert!(!with(|attempt| attempt.text(2, [0xFF])));
    assert!(!with(|attempt| attempt.message(4, |usage| usage.int(4, NANOS + 1))));
    assert!(with(|attempt| attempt.message(4, |usage| usage.int(5, NANOS))));
    assert!(!with(|attempt| attempt.message(4, |usage| usage.int(5, NANOS + 1))));
    assert!(!with(|attempt| attempt.message(6, |latency| latency.int(1, 86_401))));
    assert!(!with(|attempt| attempt.message(6, |latency| {
        latency.int(1, 86_400);
        latency.int(2, 1);
    })));
    assert!(!with(|attempt| attempt.message(6, |latency| latency.int(2, NANOS))));
    for (fill, is_plain) in [
        (&(|message: &mut Message| message.text(1, "token")) as &dyn Fn(&mut Message), true),
        (&|message| message.text(1, vec![7; 16_384]), true),
        (&|message| message.text(1, vec![7; 16_385]), false),
        (&|message| message.text(2, "x".repeat(64)), true),
        (&|message| message.text(2, "x".repeat(65)), false),
        (&|message| message.written(2, b""), false),
        (&|_| {}, false),
    ] {
        let mut message = Message::default();
        fill(&mut message);
        assert_eq!(read(&message.into_bytes()).is_some(), is_plain);
    }
    for (quality, is_plain) in [(1.0, true), (-0.0, true), (1.000_001, false), (-0.1, false), (f64::NAN, false)] {
        let mut message = Message::default();
        message.text(1, "token");
        message.double(3, quality);
        assert_eq!(read(&message.into_bytes()).is_some(), is_plain, "{quality}");
    }
}

#[test]
fn an_acknowledgement_has_every_field_of_its_lists() {
    let acknowledged = Acknowledgement {
        decision_id: "d-1",
        recorded: vec!["quality", "labels."],
        unchanged: vec!["attempts"],
        replica: "",
        sequence: 0,
    };
    let mut message = Message::default();
    acknowledged.write(&mut message);
    let bytes = message.into_bytes();
    let fields: Vec<_> = Fields::of(&bytes).collect();
    let text = |number, text: &'static str| Some((number, Value::Bytes(text.as_bytes())));
    assert_eq!(fields, [text(1, "d-1"), text(2, "quality"), text(2, "labels."), text(3, "attempts")]);
}
