//! Reading requests and writing replies: nothing in the bytes can make a reader fail, and what is written is read back.

use std::borrow::Cow;

use atp_native::wire::fields::Fields;
use atp_native::wire::request::{Input, Request, split_batch};
use atp_native::wire::writing::Message;
use proptest::prelude::*;

fn words() -> impl Strategy<Value = String> {
    "\\PC{0,12}"
}

prop_compose! {
    /// A request's bytes with what they say.
    fn requests()(
        id in "[a-z0-9_.:-]{0,12}", prompt in "\\PC{1,40}", task in words(), policy in words(),
        input_tokens in 1..=100_000_000_i64, key in "\\PC{1,12}", text in words(), revision in 1..i64::MAX,
    ) -> (Vec<u8>, String, String, String, i64, String, String, i64) {
        let mut message = Message::default();
        message.text(1, &id);
        message.text(2, &prompt);
        message.int(5, input_tokens);
        message.text(7, &task);
        message.text(10, &policy);
        message.message(12, |label| {
            label.text(1, &key);
            label.text(2, &text);
        });
        message.int(13, revision);
        (message.into_bytes(), id, prompt, task, input_tokens, key, text, revision)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_request_says_what_was_written(
        (bytes, id, prompt, task, input_tokens, key, text, revision) in requests(),
    ) {
        let request = Request::read(&bytes).expect("a valid request");
        prop_assert_eq!(request.request_id, id);
        prop_assert_eq!(request.input, Input::Text(Cow::Owned(prompt)));
        prop_assert_eq!(request.task_type, task);
        prop_assert_eq!(request.input_tokens, Some(input_tokens));
        prop_assert_eq!(request.labels, vec![(key.as_str(), text.as_str())]);
        prop_assert_eq!(request.min_revision, revision);
    }

    #[test]
    fn no_bytes_make_a_reader_fail(noise in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = Request::read(&noise);
        let _ = split_batch(&noise);
        prop_assert!(Fields::of(&noise).count() <= noise.len());
    }

    #[test]
    fn no_cut_and_no_flip_makes_a_reader_fail(
        (bytes, ..) in requests(), cut in any::<prop::sample::Index>(), bit in 0..8_u32,
    ) {
        let at = cut.index(bytes.len());
        let _ = Request::read(&bytes[..at]);
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << bit;
        let _ = Request::read(&flipped);
    }

    #[test]
    fn whatever_comes_twice_is_not_plain((bytes, ..) in requests()) {
        let twice = bytes.repeat(2);
        prop_assert_eq!(Request::read(&twice), None);
    }

    #[test]
    fn a_batch_gives_its_requests_in_order(items in prop::collection::vec(requests(), 1..5)) {
        let mut batch = Message::default();
        for (bytes, ..) in &items {
            batch.written(1, bytes);
        }
        let batch = batch.into_bytes();
        let found = split_batch(&batch).expect("a valid batch");
        prop_assert_eq!(found, items.iter().map(|(bytes, ..)| bytes.as_slice()).collect::<Vec<_>>());
    }
}

#[test]
fn a_batch_has_one_to_256_requests() {
    for (size, is_plain) in [(0, false), (1, true), (256, true), (257, false)] {
        assert_eq!(split_batch(&[0x0A, 0].repeat(size)).is_some(), is_plain, "{size}");
    }
}
