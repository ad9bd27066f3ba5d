//! Microseconds of the engine alone, without Python: `cargo bench`. `make bench ONLY=engine` measures through Python.

use std::hint::black_box;

use atp_native::arm::{Arm, Offer};
use atp_native::decay::Decay;
use atp_native::engine::Engine;
use atp_native::features::FlagExtractor;
use atp_native::parameters::{ContextMode, Parameters};
use atp_native::policy::Learner;
use atp_native::query::{Outcome, Query};
use criterion::{Criterion, criterion_group, criterion_main};

const DIMENSION: usize = 47;

fn parameters() -> Parameters {
    Parameters {
        pool: "bench".into(),
        schema: "bench.v1".into(),
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
        context_min_weight: 32.0,
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
    }
}

fn learned(arms: usize) -> Engine {
    let mut engine = Engine::new(parameters()).expect("valid parameters");
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

fn benches(criterion: &mut Criterion) {
    for arms in [8, 64] {
        let mut engine = learned(arms);
        let candidates: Vec<u32> = (0..).take(arms).collect();
        let packed = features(3);
        let query = Query {
            generation: 1,
            candidates: &candidates,
            seed: 7,
            now: 1,
            input_tokens: 100.0,
            cost_weight: 1.0,
            latency_weight: 0.0,
            text: None,
            features: Some(&packed),
            max_output_tokens: None,
            max_cost: None,
            quality_floor: None,
            latency_slo: None,
        };
        let mut seed = 0;
        criterion.bench_function(&format!("choose {arms}"), |bencher| {
            bencher.iter(|| {
                seed += 1;
                engine.choose(black_box(&Query { seed, ..query })).expect("a valid query")
            });
        });
        let mut sequence = 1_000_000;
        criterion.bench_function(&format!("learn, then choose {arms}"), |bencher| {
            bencher.iter(|| {
                sequence += 1;
                engine.learn(&outcome("arm-0", sequence, &packed)).expect("a valid outcome");
                engine.choose(black_box(&query)).expect("a valid query")
            });
        });
        criterion.bench_function(&format!("learn ({arms} arms)"), |bencher| {
            bencher.iter(|| {
                sequence += 1;
                engine.learn(&outcome("arm-0", sequence, &packed)).expect("a valid outcome")
            });
        });
    }
    let text = "How many minutes does it take to write a function? ".repeat(6);
    let extractor = FlagExtractor::new();
    criterion.bench_function("features of 300 characters", |bencher| {
        bencher.iter(|| extractor.extract(black_box(&text)));
    });
}

criterion_group!(group, benches);
criterion_main!(group);
