//! What holds for every engine, whatever it is asked and whatever it has learned.

mod world;

use atp_native::choice::Figure;
use atp_native::decay::Decay;
use atp_native::features::FlagExtractor;
use atp_native::parameters::{ContextMode, Parameters};
use atp_native::processor::Processor;
use atp_native::query::Outcome;
use proptest::prelude::*;

use world::{
    DIMENSION, HOUR, Lesson, NOW, READING_PERIOD, TENANTS, engine, engine_on, lesson, lessons, parameters,
    plain_parameters, query, question, questions, teach,
};

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn propensities_are_a_distribution_over_the_candidates_that_were_not_set_aside(
        parameters in parameters(), lessons in lessons(), question in questions(),
    ) {
        let mut engine = engine(&parameters);
        teach(&mut engine, &lessons);

        let choice = engine.choose(&query(&question)).expect("a valid query");

        let propensities = choice.figure(Figure::Propensity);
        let total: f64 = propensities.iter().sum();
        prop_assert!(choice.exclusions.iter().all(|(position, _)| propensities[*position] == 0.0));
        if let Some(chosen) = choice.chosen {
            prop_assert!((total - 1.0).abs() < 1e-12);
            prop_assert!(propensities[chosen] > 0.0);
            prop_assert!(choice.exclusions.iter().all(|(position, _)| *position != chosen));
        } else {
            prop_assert_eq!((total, choice.exclusions.len()), (0.0, question.candidates.len()));
        }
    }

    #[test]
    fn a_choice_changes_nothing_and_comes_out_the_same_again(
        parameters in parameters(), lessons in lessons(), question in questions(), between in questions(),
    ) {
        let mut engine = engine(&parameters);
        teach(&mut engine, &lessons);
        let state = engine.checkpoint();

        let first = engine.choose(&query(&question));
        engine.choose(&query(&between)).expect("a valid query");

        prop_assert_eq!(engine.choose(&query(&question)), first);
        prop_assert_eq!(engine.checkpoint(), state);
    }

    #[test]
    fn a_restored_engine_has_the_same_state_and_makes_the_same_choice_whatever_it_knew_before(
        parameters in parameters(), lessons in lessons(), forgotten in lessons(), question in questions(),
    ) {
        let mut engine = engine(&parameters);
        teach(&mut engine, &lessons);
        let state = engine.checkpoint();
        let mut other = world::engine(&parameters);
        teach(&mut other, &forgotten);
        other.choose(&query(&question)).expect("a valid query");

        other.restore(&state).expect("a sound checkpoint");

        prop_assert_eq!(other.checkpoint(), state);
        prop_assert_eq!(other.choose(&query(&question)), engine.choose(&query(&question)));
    }

    #[test]
    fn plain_and_wide_instructions_choose_alike_to_the_last_bit(
        parameters in parameters(), lessons in lessons(), question in questions(),
    ) {
        let [plain, wide] = [Processor::plain(), Processor::detect()].map(|processor| {
            let mut engine = engine_on(processor, &parameters);
            teach(&mut engine, &lessons);
            (engine.choose(&query(&question)).expect("a valid query"), engine.checkpoint())
        });

        prop_assert_eq!(plain, wide);
    }

    #[test]
    fn the_order_of_outcomes_does_not_matter(
        parameters in parameters(), lessons in lessons(), question in questions(),
    ) {
        // The gate's hysteresis, who was taught last and when common slopes were read are what remembers an order.
        let parameters = Parameters { context: ContextMode::On, tenant_limit: TENANTS.len(), ..parameters };
        let lessons = &lessons[..lessons.len().min(READING_PERIOD - 1)];
        let (mut forwards, mut backwards) = (engine(&parameters), engine(&parameters));
        teach(&mut forwards, lessons);
        teach(&mut backwards, lessons.iter().rev());

        let choices = [&mut forwards, &mut backwards].map(|engine| engine.choose(&query(&question)).expect("valid"));

        for figure in [Figure::Utility, Figure::Cost, Figure::FailureRate] {
            for (one, other) in choices[0].figure(figure).iter().zip(choices[1].figure(figure)) {
                // Utilities subtract costs from qualities, so their error is relative to those.
                let size = one.abs().max(1.0);
                prop_assert!((one - other).abs() <= 1e-9 * size, "{figure:?}: {one} is not {other}");
            }
        }
    }

    #[test]
    fn damaged_bytes_are_refused_and_leave_the_state_alone(
        parameters in parameters(), lessons in lessons(), position in any::<prop::sample::Index>(), flip in 1..=255_u8,
        cut in any::<prop::sample::Index>(),
    ) {
        let mut engine = engine(&parameters);
        teach(&mut engine, &lessons);
        let state = engine.checkpoint();
        let mut damaged = state.clone();
        damaged[position.index(state.len())] ^= flip;

        prop_assert!(engine.restore(&damaged).is_err());
        prop_assert!(engine.restore(&state[..cut.index(state.len())]).is_err());
        prop_assert_eq!(engine.checkpoint(), state);
    }

    #[test]
    fn a_refused_outcome_changes_nothing(parameters in parameters(), lessons in lessons(), quality in 1.001..9.0) {
        let mut engine = engine(&parameters);
        teach(&mut engine, &lessons);
        let state = engine.checkpoint();
        let refused = Outcome {
            arm: "tiny",
            replica: "laws",
            sequence: 1_000,
            decided: NOW,
            now: NOW,
            features: &[0; 4 * DIMENSION],
            quality: Some(quality),
            output_tokens: Some(1.0),
            latency: Some(1.0),
            failed: Some(true),
            predicted_mean: None,
            predicted_linear: None,
            tenant: None,
        };

        prop_assert!(engine.learn(&refused).is_err());
        let misfit = Outcome { quality: None, features: &[0], ..refused };
        prop_assert!(engine.learn(&misfit).is_err());
        prop_assert_eq!(engine.checkpoint(), state);
    }

    #[test]
    fn every_text_has_fifteen_features_between_zero_and_one(text in any::<String>()) {
        let packed = FlagExtractor::new().extract(&text);

        let features: Vec<f32> = packed.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        prop_assert_eq!(features.len(), 15);
        prop_assert!(features.iter().all(|feature| (0.0..=1.0).contains(feature)), "{:?}", features);
    }
}

#[test]
fn a_drill_fails_as_often_as_it_was_asked_to_and_leaves_the_engine_sound() {
    let mut engine = engine(&plain_parameters());
    let question = question();
    let expected = engine.choose(&query(&question));
    let state = engine.checkpoint();

    engine.inject_panic(2);

    for _ in 0..2 {
        let attempt = std::panic::AssertUnwindSafe(|| engine.choose(&query(&question)));
        assert!(std::panic::catch_unwind(attempt).is_err());
    }
    assert_eq!(engine.checkpoint(), state);
    assert_eq!(engine.choose(&query(&question)), expected);
}

#[test]
fn states_restored_one_after_another_are_each_read_afresh() {
    let question = question();
    let mut restored = engine(&plain_parameters());
    for quality in [0.9, 0.1] {
        let mut engine = engine(&plain_parameters());
        teach(&mut engine, &[lesson(quality)]);

        restored.restore(&engine.checkpoint()).expect("a sound checkpoint");

        assert_eq!(restored.choose(&query(&question)), engine.choose(&query(&question)));
    }
}

#[test]
fn an_outcome_that_comes_late_does_not_magnify_the_evidence_against_context() {
    let parameters = Parameters {
        context: ContextMode::Auto,
        context_min_weight: 100.0,
        decay: Decay { half_life: Some(HOUR) },
        ..plain_parameters()
    };
    let mut engine = engine(&parameters);
    // The linear model was wrong each time, but three outcomes are not a hundred.
    let wrong = Lesson { predictions: Some((1.0, 0.0)), ..lesson(1.0) };

    teach(&mut engine, &[wrong.clone(), wrong.clone(), Lesson { age: 80 * HOUR, ..wrong }]);

    assert!(engine.context_on());
}
