//! Random worlds for the laws: parameters, lessons and questions as plain values.

#![allow(dead_code, reason = "no test crate needs the whole world")]

use atp_native::arm::{Arm, Offer};
use atp_native::decay::Decay;
use atp_native::engine::Engine;
use atp_native::parameters::{ContextMode, Parameters};
use atp_native::policy::Learner;
use atp_native::processor::Processor;
use atp_native::query::{Outcome, Query};
use proptest::prelude::*;

pub const ARMS: [&str; 4] = ["tiny", "small", "big", "slow"];
pub const DIMENSION: usize = 5;
pub const LEARNERS: [Learner; 6] =
    [Learner::Thompson, Learner::Linucb, Learner::Squarecb, Learner::Greedy, Learner::Ucb1, Learner::ThompsonBeta];
/// One more than the engine keeps.
pub const TENANTS: [&str; 3] = ["ant", "bee", "cat"];
/// Graded outcomes after which common slopes are read.
pub const READING_PERIOD: usize = 32;
pub const HOUR: i64 = 3_600_000_000_000;
pub const NOW: i64 = 1_800_000_000_000_000_000;

/// An outcome as plain values.
#[derive(Clone, Debug)]
pub struct Lesson {
    pub arm: usize,
    pub age: i64,
    pub features: Vec<u8>,
    pub quality: Option<f64>,
    pub tokens: Option<f64>,
    pub latency: Option<f64>,
    pub failed: Option<bool>,
    pub predictions: Option<(f64, f64)>,
    pub tenant: Option<usize>,
}

/// A query as plain values.
#[derive(Clone, Debug)]
pub struct Question {
    pub seed: u64,
    pub candidates: Vec<u32>,
    pub features: Vec<u8>,
    pub cost_weight: f64,
    pub max_cost: Option<f64>,
    pub quality_floor: Option<f64>,
    pub latency_slo: Option<f64>,
    pub tenant: Option<usize>,
    pub favour: Option<(i64, f64)>,
}

/// A graded answer of the first arm, decided now.
pub fn lesson(quality: f64) -> Lesson {
    Lesson {
        arm: 0,
        age: 0,
        features: vec![0; 4 * DIMENSION],
        quality: Some(quality),
        tokens: None,
        latency: None,
        failed: None,
        predictions: None,
        tenant: None,
    }
}

/// A question without limits to every arm.
pub fn question() -> Question {
    Question {
        seed: 1,
        candidates: vec![0, 1, 2, 3],
        features: vec![0; 4 * DIMENSION],
        cost_weight: 0.1,
        max_cost: None,
        quality_floor: None,
        latency_slo: None,
        tenant: None,
        favour: None,
    }
}

pub fn features() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(-2.0_f32..2.0, DIMENSION)
        .prop_map(|values| values.into_iter().flat_map(f32::to_le_bytes).collect())
}

pub fn tenants() -> impl Strategy<Value = Option<usize>> {
    prop::option::of(0..TENANTS.len())
}

pub fn lessons() -> impl Strategy<Value = Vec<Lesson>> {
    let lesson = (
        0..ARMS.len(),
        0..40 * HOUR,
        features(),
        prop::option::of(0.0..=1.0),
        prop::option::of(0.0..2000.0),
        prop::option::of(0.0..20.0),
        prop::option::of(any::<bool>()),
        prop::option::of((0.0..1.0, 0.0..1.0)),
        tenants(),
    );
    let lesson = lesson.prop_map(|(arm, age, features, quality, tokens, latency, failed, predictions, tenant)| {
        Lesson { arm, age, features, quality, tokens, latency, failed, predictions, tenant }
    });
    prop::collection::vec(lesson, 0..80)
}

pub fn questions() -> impl Strategy<Value = Question> {
    (
        any::<u64>(),
        prop::sample::subsequence((0..4).collect::<Vec<u32>>(), 1..=4),
        features(),
        0.0..2.0,
        prop::option::of(0.0..2e6),
        prop::option::of(0.0..=1.0),
        prop::option::of(0.0..4.0),
        tenants(),
        prop::option::of((0_i64..5, 0.0..0.5)),
    )
        .prop_map(
            |(seed, candidates, features, cost_weight, max_cost, quality_floor, latency_slo, tenant, favour)| {
                Question {
                    seed,
                    candidates,
                    features,
                    cost_weight,
                    max_cost,
                    quality_floor,
                    latency_slo,
                    tenant,
                    favour,
                }
            },
        )
}

/// Thompson sampling with context on, remembering for ever.
pub fn plain_parameters() -> Parameters {
    Parameters {
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
        context_on_z: 0.0,
        context_off_z: -2.0,
        context_min_weight: 2.0,
        gamma: 50.0,
        tenant_pseudo_count: 2.0,
        tenant_offset_limit: 0.2,
        tenant_limit: 2,
        token_precision: 1.0,
        common_precision: 1.0,
    }
}

pub fn parameters() -> impl Strategy<Value = Parameters> {
    (
        prop::sample::select(LEARNERS.to_vec()),
        prop::sample::select(vec![ContextMode::Auto, ContextMode::On, ContextMode::Off]),
        prop::option::of(HOUR..50 * HOUR),
        0.0..1.0,
        0.0..=1.0,
    )
        .prop_map(|(learner, context, half_life, scale, epsilon)| Parameters {
            learner,
            scale,
            alpha: scale,
            epsilon,
            decay: Decay { half_life },
            context,
            ..plain_parameters()
        })
}

pub fn engine(parameters: &Parameters) -> Engine {
    engine_on(Processor::detect(), parameters)
}

pub fn engine_on(processor: Processor, parameters: &Parameters) -> Engine {
    loaded(Engine::on(processor, parameters.clone(), None).expect("valid parameters"))
}

/// The engine with the arms and offers of this world.
pub fn loaded(mut engine: Engine) -> Engine {
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

pub fn teach<'a>(engine: &mut Engine, lessons: impl IntoIterator<Item = &'a Lesson>) {
    teach_from(0, engine, lessons);
}

/// Teaches lessons numbered from a sequence on.
pub fn teach_from<'a>(first: i64, engine: &mut Engine, lessons: impl IntoIterator<Item = &'a Lesson>) {
    for (sequence, lesson) in (first..).zip(lessons) {
        let fresh = engine.learn(&Outcome {
            arm: ARMS[lesson.arm],
            replica: "laws",
            sequence,
            decided: NOW - lesson.age,
            now: NOW,
            features: &lesson.features,
            quality: lesson.quality,
            output_tokens: lesson.tokens,
            latency: lesson.latency,
            failed: lesson.failed,
            predicted_mean: lesson.predictions.map(|(mean, _)| mean),
            predicted_linear: lesson.predictions.map(|(_, linear)| linear),
            tenant: lesson.tenant.map(|tenant| TENANTS[tenant]),
        });
        assert_eq!(fresh, Ok(true));
    }
}

pub fn query(question: &Question) -> Query<'_> {
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
        tenant: question.tenant.map(|tenant| TENANTS[tenant]),
        favoured: question.favour.map(|(offer, _)| offer),
        favour: question.favour.map_or(0.0, |(_, favour)| favour),
    }
}
