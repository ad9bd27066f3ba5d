//! Microseconds of the engine alone, without Python: `cargo bench`. `make bench ONLY=engine` measures through Python.

use std::hint::black_box;

use atp_native::arm::{Arm, Offer};
use atp_native::common::CommonReader;
use atp_native::decay::Decay;
use atp_native::embed::TextTable;
use atp_native::engine::Engine;
use atp_native::features::FlagExtractor;
use atp_native::parameters::{ContextMode, Parameters};
use atp_native::policy::Learner;
use atp_native::processor::Processor;
use atp_native::query::{Outcome, Query};
use criterion::{Criterion, criterion_group, criterion_main};

const DIMENSION: usize = 47;
const LEARNERS: [Learner; 6] =
    [Learner::Thompson, Learner::Linucb, Learner::Squarecb, Learner::Greedy, Learner::Ucb1, Learner::ThompsonBeta];

fn parameters(learner: Learner) -> Parameters {
    Parameters {
        pool: "bench".into(),
        schema: "bench.v1".into(),
        dimension: DIMENSION,
        cost_scale: 1e6,
        latency_scale: 1.0,
        learner,
        scale: 0.03,
        alpha: 0.05,
        epsilon: 0.01,
        slope_precision: 2.0,
        decay: Decay { half_life: None },
        context: ContextMode::On,
        context_on_z: 0.0,
        context_off_z: -4.0,
        context_min_weight: 32.0,
        gamma: 50.0,
        tenant_pseudo_count: 20.0,
        tenant_offset_limit: 0.2,
        tenant_limit: 1000,
        token_precision: 1.0,
        common_precision: 1.0,
    }
}

/// Packed features that differ from index to index without a generator.
fn features(index: usize) -> Vec<u8> {
    (0..DIMENSION).flat_map(|column| ((((index * 31 + column * 17) % 97) as f32) / 97.0 - 0.5).to_le_bytes()).collect()
}

fn outcome<'a>(arm: &'a str, sequence: i64, features: &'a [u8]) -> Outcome<'a> {
    Outcome {
        arm,
        replica: "bench",
        sequence,
        decided: 1,
        now: 1,
        features,
        quality: Some((sequence * 13 % 11) as f64 / 10.0),
        output_tokens: Some(300.0),
        latency: Some(1.0),
        failed: Some(false),
        predicted_mean: None,
        predicted_linear: None,
        tenant: None,
    }
}

fn learned(arms: usize, learner: Learner) -> Engine {
    let mut engine = Engine::new(parameters(learner)).expect("valid parameters");
    let names: Vec<String> = (0..arms).map(|arm| format!("arm-{arm}")).collect();
    let prior = |name: &String| Arm {
        name: name.clone(),
        quality: 1.0,
        output_tokens: 256.0,
        latency: 1.0,
        failure_rate: 0.01,
    };
    let offers = (0..arms).map(|arm| Offer { arm, input_price: 100, output_price: 400 }).collect();
    engine.load(names.iter().map(prior).collect(), offers, 1).expect("valid arms");
    for (sequence, step) in (0..).zip(0..arms * 100) {
        engine.learn(&outcome(&names[step % arms], sequence, &features(step))).expect("a valid outcome");
    }
    engine
}

fn query<'a>(candidates: &'a [u32], packed: &'a [u8]) -> Query<'a> {
    Query {
        generation: 1,
        candidates,
        seed: 7,
        now: 1,
        input_tokens: 100.0,
        cost_weight: 1.0,
        latency_weight: 0.0,
        text: None,
        features: Some(packed),
        max_output_tokens: None,
        max_cost: None,
        quality_floor: None,
        latency_slo: None,
        tenant: None,
        favoured: None,
        favour: 0.0,
    }
}

fn choosing(criterion: &mut Criterion) {
    let packed = features(3);
    for arms in [8, 64] {
        let candidates: Vec<u32> = (0..).take(arms).collect();
        let query = query(&candidates, &packed);
        for learner in LEARNERS {
            let mut engine = learned(arms, learner);
            let mut seed = 0;
            criterion.bench_function(&format!("choose {arms} {learner:?}"), |bencher| {
                bencher.iter(|| {
                    seed += 1;
                    engine.choose(black_box(&Query { seed, ..query })).expect("a valid query")
                });
            });
        }
    }
}

fn learning(criterion: &mut Criterion) {
    let packed = features(3);
    for arms in [8, 64] {
        let mut engine = learned(arms, Learner::Thompson);
        let mut sequence = 1_000_000;
        criterion.bench_function(&format!("learn ({arms} arms)"), |bencher| {
            bencher.iter(|| {
                sequence += 1;
                engine.learn(&outcome("arm-0", sequence, &packed)).expect("a valid outcome")
            });
        });
        let mut statistics = engine.statistics().clone();
        let mut reader = CommonReader::new(DIMENSION + 1, Processor::detect());
        criterion.bench_function(&format!("common slopes ({arms} arms)"), |bencher| {
            bencher.iter(|| reader.read(black_box(&mut statistics), 1.0, 1.0));
        });
        criterion.bench_function(&format!("checkpoint ({arms} arms)"), |bencher| {
            bencher.iter(|| engine.checkpoint());
        });
        let state = engine.checkpoint();
        criterion.bench_function(&format!("restore ({arms} arms)"), |bencher| {
            bencher.iter(|| engine.restore(black_box(&state)).expect("a sound checkpoint"));
        });
    }
}

fn reading(criterion: &mut Criterion) {
    let text = "How many minutes does it take to write a function? ".repeat(6);
    let extractor = FlagExtractor::new();
    criterion.bench_function("features of 300 characters", |bencher| {
        bencher.iter(|| extractor.extract(black_box(&text)));
    });
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../atp_grpc/engine/text_table.bin");
    let table = TextTable::decode(&std::fs::read(path).expect("the table is shipped")).expect("a sound table");
    criterion.bench_function("embedding of 300 characters", |bencher| {
        bencher.iter(|| table.embed(black_box(&text)));
    });
}

criterion_group!(group, choosing, learning, reading);
criterion_main!(group);
