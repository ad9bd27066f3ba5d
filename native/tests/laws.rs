//! What holds for every engine, whatever it is asked and whatever it has learned.

use atp_native::arm::{Arm, Offer};
use atp_native::choice::Figure;
use atp_native::decay::Decay;
use atp_native::engine::Engine;
use atp_native::features::FlagExtractor;
use atp_native::parameters::{ContextMode, Parameters};
use atp_native::policy::Learner;
use atp_native::query::{Outcome, Query};
use proptest::prelude::*;

const ARMS: [&str; 4] = ["tiny", "small", "big", "slow"];
const DIMENSION: usize = 5;
const HOUR: i64 = 3_600_000_000_000;
const NOW: i64 = 1_800_000_000_000_000_000;

/// An outcome as plain values.
#[derive(Clone, Debug)]
struct Lesson {
    arm: usize,
    age: i64,
    features: Vec<u8>,
    quality: Option<f64>,
    tokens: Option<f64>,
    failed: Option<bool>,
    predictions: Option<(f64, f64)>,
}

/// A query as plain values.
#[derive(Clone, Debug)]
struct Question {
    seed: u64,
    candidates: Vec<u32>,
    features: Vec<u8>,
    cost_weight: f64,
    max_cost: Option<f64>,
    quality_floor: Option<f64>,
    latency_slo: Option<f64>,
}

fn features() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(-2.0_f32..2.0, DIMENSION)
        .prop_map(|values| values.into_iter().flat_map(f32::to_le_bytes).collect())
}

fn lessons() -> impl Strategy<Value = Vec<Lesson>> {
    let lesson = (
        0..ARMS.len(),
        0..40 * HOUR,
        features(),
        prop::option::of(0.0..=1.0),
        prop::option::of(0.0..2000.0),
        prop::option::of(any::<bool>()),
        prop::option::of((0.0..1.0, 0.0..1.0)),
    );
    let lesson = lesson.prop_map(|(arm, age, features, quality, tokens, failed, predictions)| Lesson {
        arm,
        age,
        features,
        quality,
        tokens,
        failed,
        predictions,
    });
    prop::collection::vec(lesson, 0..40)
}

fn questions() -> impl Strategy<Value = Question> {
    (
        any::<u64>(),
        prop::sample::subsequence((0..4).collect::<Vec<u32>>(), 1..=4),
        features(),
        0.0..2.0,
        prop::option::of(0.0..2e6),
        prop::option::of(0.0..=1.0),
        prop::option::of(0.0..4.0),
    )
        .prop_map(|(seed, candidates, features, cost_weight, max_cost, quality_floor, latency_slo)| Question {
            seed,
            candidates,
            features,
            cost_weight,
            max_cost,
            quality_floor,
            latency_slo,
        })
}

fn parameters() -> impl Strategy<Value = Parameters> {
    (
        prop::sample::select(vec![Learner::Thompson, Learner::Linucb, Learner::Greedy]),
        prop::sample::select(vec![ContextMode::Auto, ContextMode::On, ContextMode::Off]),
        prop::option::of(HOUR..50 * HOUR),
        0.0..1.0,
        0.0..=1.0,
    )
        .prop_map(|(learner, context, half_life, scale, epsilon)| Parameters {
            pool: "laws".into(),
            schema: "laws.v1".into(),
            dimension: DIMENSION,
            cost_scale: 1e6,
            latency_scale: 1.0,
            learner,
            scale,
            alpha: scale,
            epsilon,
            slope_precision: 1.0,
            decay: Decay { half_life },
            context,
            context_on_z: 1.0,
            context_off_z: 0.0,
            context_min_weight: 2.0,
        })
}

fn engine(parameters: &Parameters) -> Engine {
    let mut engine = Engine::new(parameters.clone()).expect("valid parameters");
    let arm = |(position, name): (usize, &&str)| Arm {
        name: (*name).to_owned(),
        quality: 0.9,
        output_tokens: 200.0,
        latency: position as f64,
        failure_rate: 0.01,
    };
    let offers = (0..ARMS.len()).zip([100, 300, 2_000, 900]).map(|(arm, price)| Offer {
        arm,
        input_price: price * 1_000_000,
        output_price: price * 4_000_000,
    });
    engine.load(ARMS.iter().enumerate().map(arm).collect(), offers.collect(), 1).expect("valid arms");
    engine
}

fn teach<'a>(engine: &mut Engine, lessons: impl IntoIterator<Item = &'a Lesson>) {
    for (sequence, lesson) in (0..).zip(lessons) {
        let fresh = engine.learn(&Outcome {
            arm: ARMS[lesson.arm],
            replica: "laws",
            sequence,
            decided: NOW - lesson.age,
            now: NOW,
            features: &lesson.features,
            quality: lesson.quality,
            output_tokens: lesson.tokens,
            latency: None,
            failed: lesson.failed,
            predicted_mean: lesson.predictions.map(|(mean, _)| mean),
            predicted_linear: lesson.predictions.map(|(_, linear)| linear),
        });
        assert_eq!(fresh, Ok(true));
    }
}

fn query(question: &Question) -> Query<'_> {
    Query {
        generation: 1,
        candidates: &question.candidates,
        seed: question.seed,
        now: NOW,
        input_tokens: 500.0,
        cost_weight: question.cost_weight,
        latency_weight: 0.01,
        text: None,
        features: Some(&question.features),
        max_output_tokens: None,
        max_cost: question.max_cost,
        quality_floor: question.quality_floor,
        latency_slo: question.latency_slo,
    }
}

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
    fn a_restored_engine_has_the_same_state_and_makes_the_same_choice(
        parameters in parameters(), lessons in lessons(), question in questions(),
    ) {
        let mut engine = engine(&parameters);
        teach(&mut engine, &lessons);
        let state = engine.checkpoint();
        let mut other = self::engine(&parameters);

        other.restore(&state).expect("a sound checkpoint");

        prop_assert_eq!(other.checkpoint(), state);
        prop_assert_eq!(other.choose(&query(&question)), engine.choose(&query(&question)));
    }

    #[test]
    fn the_order_of_outcomes_does_not_matter(
        parameters in parameters(), lessons in lessons(), question in questions(),
    ) {
        // The gate's hysteresis is the one thing that remembers an order.
        let parameters = Parameters { context: ContextMode::On, ..parameters };
        let (mut forwards, mut backwards) = (engine(&parameters), engine(&parameters));
        teach(&mut forwards, &lessons);
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
        };

        prop_assert!(engine.learn(&refused).is_err());
        let misfit = Outcome { quality: None, features: &[0], ..refused };
        prop_assert!(engine.learn(&misfit).is_err());
        prop_assert_eq!(engine.checkpoint(), state);
    }

    #[test]
    fn every_text_has_fifteen_features_between_zero_and_one(text in any::<String>()) {
        let packed = FlagExtractor::new().extract(&text);

        let features: Vec<f32> = packed.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        prop_assert_eq!(features.len(), 15);
        prop_assert!(features.iter().all(|feature| (0.0..=1.0).contains(feature)), "{:?}", features);
    }
}

#[test]
fn a_drill_fails_as_often_as_it_was_asked_to_and_leaves_the_engine_sound() {
    let parameters = Parameters {
        pool: "laws".into(),
        schema: "laws.v1".into(),
        dimension: DIMENSION,
        cost_scale: 1e6,
        latency_scale: 1.0,
        learner: Learner::Thompson,
        scale: 0.03,
        alpha: 0.05,
        epsilon: 0.01,
        slope_precision: 1.0,
        decay: Decay { half_life: None },
        context: ContextMode::On,
        context_on_z: 1.0,
        context_off_z: 0.0,
        context_min_weight: 2.0,
    };
    let mut engine = engine(&parameters);
    let question = Question {
        seed: 1,
        candidates: vec![0, 1, 2, 3],
        features: vec![0; 4 * DIMENSION],
        cost_weight: 0.1,
        max_cost: None,
        quality_floor: None,
        latency_slo: None,
    };
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
