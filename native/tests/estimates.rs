//! Estimates beside quality: how long an answer is, how slow at the worst, and what is favoured or forgotten.

mod world;

use atp_native::arm::{Arm, Offer};
use atp_native::choice::{Choice, Exclusion, Figure};
use atp_native::decay::Decay;
use atp_native::engine::Engine;
use atp_native::error::Kind;
use atp_native::parameters::{ContextMode, Parameters};
use atp_native::policy::Learner;
use atp_native::query::{Outcome, Query};
use proptest::prelude::*;

use world::{
    ARMS, HOUR, Lesson, NOW, Question, TENANTS, engine, features, lesson, lessons, parameters, plain_parameters, query,
    question, questions, teach, teach_from,
};

fn marked(mark: f32) -> Vec<u8> {
    [mark, 0.0, 0.0, 0.0, 0.0].into_iter().flat_map(f32::to_le_bytes).collect()
}

fn answer(tokens: f64, mark: f32) -> Lesson {
    Lesson { quality: None, tokens: Some(tokens), features: marked(mark), ..lesson(0.0) }
}

/// Output tokens expected of the first arm, whose prices are 0.1 and 0.4 dollars per thousand tokens.
fn tokens(engine: &mut Engine, features: Vec<u8>, cap: Option<f64>) -> f64 {
    let asked = Question { features, ..question() };
    let asked = Query { max_output_tokens: cap, ..query(&asked) };
    let cost = engine.choose(&asked).expect("a valid query").figure(Figure::Cost)[0];
    (cost - 100.0 * 500.0) / 400.0
}

fn two_kinds() -> Vec<Lesson> {
    (0..200).map(|step| if step % 2 == 0 { answer(100.0, 0.0) } else { answer(1_500.0, 1.0) }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_expected_length_is_within_a_factor_of_the_mean_and_below_its_cap(
        parameters in parameters(), lessons in lessons(), asked in features(), cap in prop::option::of(0.0..500.0),
    ) {
        let mut engine = engine(&parameters);
        teach(&mut engine, &lessons);
        let mean = engine.summary(NOW).expect("a valid moment").0[0].means.output_tokens;

        let found = tokens(&mut engine, asked, cap);

        let low = if parameters.reads_lengths() { mean / 32.0 } else { mean };
        let high = if parameters.reads_lengths() { mean * 32.0 } else { mean };
        prop_assert!(found >= low.min(cap.unwrap_or(f64::INFINITY)) - 1e-6, "{found} of {mean}");
        prop_assert!(found <= high.min(cap.unwrap_or(f64::INFINITY)) + 1e-6, "{found} of {mean}");
    }

    #[test]
    fn favour_moves_one_utility_and_neither_costs_nor_limits(
        parameters in parameters(), lessons in lessons(), question in questions(), favour in 0.0..10.0,
    ) {
        let mut engine = engine(&parameters);
        teach(&mut engine, &lessons);
        let favoured = i64::from(question.candidates[0]);

        let [plain, moved] = [None, Some((favoured, favour))]
            .map(|favour| engine.choose(&query(&Question { favour, ..question.clone() })).expect("a valid query"));

        let (before, after) = (plain.figure(Figure::Utility), moved.figure(Figure::Utility));
        prop_assert!((after[0] - before[0] - favour).abs() < 1e-9);
        prop_assert_eq!(&after[1..], &before[1..]);
        for figure in [Figure::Quality, Figure::Cost, Figure::Latency] {
            prop_assert_eq!(moved.figure(figure), plain.figure(figure));
        }
        prop_assert_eq!(&moved.exclusions, &plain.exclusions);
        prop_assert!(moved.figure(Figure::Propensity)[0] >= plain.figure(Figure::Propensity)[0] - 1e-12);
    }

    #[test]
    fn to_favour_nobody_or_somebody_who_is_no_candidate_changes_nothing(
        lessons in lessons(), question in questions(), favour in 0.0..10.0,
    ) {
        let mut engine = engine(&plain_parameters());
        teach(&mut engine, &lessons);
        let [plain, moved] = [None, Some((4, favour))]
            .map(|favour| engine.choose(&query(&Question { favour, ..question.clone() })).expect("a valid query"));
        prop_assert_eq!(&moved, &plain);
        let unnamed = Question { favour: None, ..question };
        prop_assert_eq!(engine.choose(&Query { favour, ..query(&unnamed) }).expect("a valid query"), plain);
    }

    #[test]
    fn to_keep_everything_changes_nothing(parameters in parameters(), lessons in lessons(), question in questions()) {
        let mut engine = engine(&parameters);
        teach(&mut engine, &lessons);
        let (state, choice) = (engine.checkpoint(), engine.choose(&query(&question)));
        for arm in ARMS {
            let is_known = lessons.iter().any(|lesson| {
                let figures = [lesson.quality, lesson.tokens, lesson.latency];
                ARMS[lesson.arm] == arm && (figures.iter().any(Option::is_some) || lesson.failed.is_some())
            });
            prop_assert_eq!(engine.discount(arm, 1.0), Ok(is_known));
        }
        prop_assert_eq!(engine.checkpoint(), state);
        prop_assert_eq!(engine.choose(&query(&question)), choice);
    }
}

#[test]
fn lengths_learned_on_two_kinds_of_prompts_are_told_apart() {
    let mut taught = engine(&plain_parameters());
    teach(&mut taught, &two_kinds());
    let [short, long] = [0.0, 1.0].map(|mark| tokens(&mut taught, marked(mark), None));
    assert!((short - 100.0).abs() < 30.0 && (long - 1_500.0).abs() < 30.0, "{short} and {long}");
    assert_eq!(tokens(&mut taught, marked(1.0), Some(700.0)), 700.0);
    let mean = taught.summary(NOW).expect("a moment").0[0].means.output_tokens;
    for (mark, expected) in [(-1e6, mean / 32.0), (1e6, mean * 32.0)] {
        assert!((tokens(&mut taught, marked(mark), None) / expected - 1.0).abs() < 1e-9, "{mark}");
    }

    for parameters in [
        Parameters { context: ContextMode::Off, ..plain_parameters() },
        Parameters { learner: Learner::ThompsonBeta, ..plain_parameters() },
    ] {
        let mut plain = engine(&parameters);
        teach(&mut plain, &two_kinds());
        assert_eq!(tokens(&mut plain, marked(0.0), None), tokens(&mut plain, marked(1.0), None));
    }
}

#[test]
fn lengths_need_no_open_gate() {
    let mut engine = engine(&Parameters { context: ContextMode::Auto, ..plain_parameters() });
    teach(&mut engine, &two_kinds());
    teach_from(1_000, &mut engine, &vec![Lesson { predictions: Some((0.9, 0.1)), ..lesson(0.9) }; 9]);
    assert!(!engine.context_on());
    assert!(tokens(&mut engine, marked(1.0), None) > 1_000.0);
}

#[test]
fn fifteen_leading_features_tell_a_length_and_no_others() {
    let parameters = Parameters { dimension: 20, ..plain_parameters() };
    let mut engine = Engine::new(parameters).expect("valid parameters");
    let arm = Arm { name: "a".into(), quality: 1.0, output_tokens: 100.0, latency: 1.0, failure_rate: 0.0 };
    engine.load(vec![arm], vec![Offer { arm: 0, input_price: 0, output_price: 1_000_000 }], 1).expect("an arm");
    let marked = |place: usize| {
        let mut features = vec![0; 80];
        features[4 * place..4 * place + 4].copy_from_slice(&1_f32.to_le_bytes());
        features
    };
    for (sequence, place) in (0..).zip([14, 15].repeat(50)) {
        let outcome = Outcome {
            arm: "a",
            replica: "r",
            sequence,
            decided: NOW,
            now: NOW,
            features: &marked(place),
            quality: None,
            output_tokens: Some(if place == 14 { 1_000.0 } else { 10.0 }),
            latency: None,
            failed: None,
            predicted_mean: None,
            predicted_linear: None,
            tenant: None,
        };
        engine.learn(&outcome).expect("a valid outcome");
    }
    let [last, first_beyond, nothing] = [14, 15, 16].map(|place| {
        let features = marked(place);
        let asked = Question { candidates: vec![0], ..question() };
        engine.choose(&Query { features: Some(&features), ..query(&asked) }).expect("valid").figure(Figure::Cost)[0]
    });
    assert!(last > 900.0, "{last}");
    assert_eq!(first_beyond, nothing);
}

#[test]
fn an_objective_is_held_against_the_95th_percentile() {
    let mut engine = engine(&plain_parameters());
    let answer = |arm: usize, seconds: f64| Lesson { arm, latency: Some(seconds), quality: None, ..lesson(0.0) };
    let steady = vec![answer(1, 2.0); 300];
    let wavering: Vec<Lesson> = (0..300).map(|step| answer(2, if step % 10 == 0 { 11.0 } else { 1.0 })).collect();
    teach(&mut engine, &[steady, wavering].concat());
    let ask = |engine: &mut Engine, latency_slo: f64| -> Choice {
        let asked = Question { candidates: vec![1, 2], latency_slo: Some(latency_slo), ..question() };
        engine.choose(&query(&asked)).expect("a valid query")
    };

    let choice = ask(&mut engine, 3.0);
    assert_eq!(choice.exclusions, [(1, Exclusion::LatencySlo)]);
    let latency = choice.figure(Figure::Latency);
    assert!((latency[0] - 2.0).abs() < 0.1 && (latency[1] - 2.0).abs() < 0.1, "{latency:?}");
    // Both means are below 2.01 seconds and no percentile is: the smaller percentile stays, not the smaller mean.
    for unmet in [2.01, 0.5] {
        let choice = ask(&mut engine, unmet);
        assert!(choice.slo_unmet);
        assert_eq!(choice.exclusions, [(1, Exclusion::LatencySlo)]);
    }
}

#[test]
fn a_spread_fades_with_the_evidence() {
    let decay = Decay { half_life: Some(HOUR) };
    let mut engine = engine(&Parameters { decay, ..plain_parameters() });
    let answer = |age: i64, seconds: f64| Lesson { age, latency: Some(seconds), quality: None, ..lesson(0.0) };
    teach(&mut engine, &[vec![answer(40 * HOUR, 100.0), answer(40 * HOUR, 1.0)], vec![answer(0, 2.0); 50]].concat());
    // Two epochs later the old answers weigh 2^-40.
    let squares = engine.statistics().arms()[0].latency_squares;
    assert!((squares - 50.0 * 4.0).abs() < 1e-6, "{squares}");
}

#[test]
fn a_discount_forgets_a_share_of_what_is_known_of_quality_and_nothing_else() {
    let mut engine = engine(&plain_parameters());
    let taught = Lesson {
        tokens: Some(50.0),
        latency: Some(2.0),
        failed: Some(true),
        predictions: Some((0.2, 0.3)),
        tenant: Some(0),
        ..lesson(0.6)
    };
    teach(&mut engine, &vec![taught; 8]);
    let before = engine.statistics().clone();

    assert_eq!(engine.discount(ARMS[0], 0.25), Ok(true));

    let (old, new) = (&before.arms()[0], &engine.statistics().arms()[0]);
    assert_eq!((new.quality.moments[0], new.quality.products[0]), (2.0, 0.25 * old.quality.products[0]));
    assert_eq!(new.squares, 0.25 * old.squares);
    assert_eq!((&new.lengths, new.latency, new.failures), (&old.lengths, old.latency, old.failures));
    let difference = |statistics: &atp_native::statistics::PoolStatistics| {
        statistics.tenants.get(TENANTS[0]).expect("a tenant").differences[0].1
    };
    let (old, new) = (difference(&before), difference(engine.statistics()));
    assert_eq!((new.count, new.mean, new.linear), (2.0, 0.25 * old.mean, 0.25 * old.linear));
    assert_eq!(engine.statistics().common, before.common);
    assert!((engine.summary(NOW).expect("a moment").0[0].means.quality - (0.9 + 1.2) / 3.0).abs() < 1e-12);
}

#[test]
fn a_discount_that_is_no_share_or_names_nobody_changes_nothing() {
    let mut engine = engine(&plain_parameters());
    teach(&mut engine, &[lesson(0.6)]);
    let state = engine.checkpoint();
    for (arm, keep) in [(ARMS[0], -0.1), (ARMS[0], 1.1), (ARMS[0], f64::NAN), (ARMS[0], f64::INFINITY), ("", 0.5)] {
        assert_eq!(engine.discount(arm, keep).map_err(|fault| fault.kind), Err(Kind::Outcome), "{arm} {keep}");
    }
    assert_eq!(engine.discount("nobody", 0.5), Ok(false));
    assert_eq!(engine.checkpoint(), state);
}

#[test]
fn a_fresh_engine_uses_context_until_it_is_shown_to_do_harm_and_again_once_it_does_good() {
    let parameters = Parameters { context: ContextMode::Auto, context_min_weight: 10.0, ..plain_parameters() };
    let mut engine = engine(&parameters);
    assert!(engine.context_on());
    let harm = Lesson { predictions: Some((0.8, 0.2)), ..lesson(0.9) };
    let good = Lesson { predictions: Some((0.2, 0.8)), ..lesson(0.9) };
    for (sequence, expected) in (0..).zip([true; 9]) {
        teach_from(sequence, &mut engine, [&harm]);
        assert_eq!(engine.context_on(), expected, "{sequence}");
    }
    teach_from(9, &mut engine, [&harm]);
    assert!(!engine.context_on());
    teach_from(10, &mut engine, &vec![good; 11]);
    assert!(engine.context_on());
}
