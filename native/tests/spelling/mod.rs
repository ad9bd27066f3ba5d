//! Between the language-neutral spelling of the vectors and the engine's types.

use atp_native::arm::{Arm, Offer};
use atp_native::choice::{Choice, Exclusion, Figure};
use atp_native::decay::Decay;
use atp_native::engine::Engine;
use atp_native::error::{Fault, Kind};
use atp_native::parameters::{ContextMode, Parameters};
use atp_native::policy::Learner;
use atp_native::query::{Outcome, Query};
use serde_json::{Value, json};

pub fn parameters(fields: &Value) -> Parameters {
    Parameters {
        pool: text(&fields["pool"]).to_owned(),
        schema: text(&fields["schema_id"]).to_owned(),
        dimension: usize::try_from(unsigned(&fields["dimension"])).expect("a dimension"),
        cost_scale: float(&fields["cost_scale_nano_usd"]),
        latency_scale: float(&fields["latency_scale_seconds"]),
        learner: match text(&fields["learner"]) {
            "thompson" => Learner::Thompson,
            "linucb" => Learner::Linucb,
            "squarecb" => Learner::Squarecb,
            "greedy" => Learner::Greedy,
            "ucb1" => Learner::Ucb1,
            _ => Learner::ThompsonBeta,
        },
        scale: float(&fields["scale"]),
        alpha: float(&fields["alpha"]),
        epsilon: float(&fields["epsilon"]),
        slope_precision: float(&fields["slope_precision"]),
        decay: Decay { half_life: fields["half_life_nanos"].as_i64() },
        context: match text(&fields["context"]) {
            "auto" => ContextMode::Auto,
            "on" => ContextMode::On,
            _ => ContextMode::Off,
        },
        context_on_z: float(&fields["context_on_z"]),
        context_off_z: float(&fields["context_off_z"]),
        context_min_weight: float(&fields["context_min_weight"]),
        gamma: float(&fields["gamma"]),
        tenant_pseudo_count: float(&fields["tenant_pseudo_count"]),
        tenant_offset_limit: float(&fields["tenant_offset_limit"]),
        tenant_limit: usize::try_from(unsigned(&fields["tenant_limit"])).expect("a limit"),
        token_precision: float(&fields["token_precision"]),
        common_precision: float(&fields["common_precision"]),
    }
}

pub fn arm(fields: &Value) -> Arm {
    Arm {
        name: text(&fields["name"]).to_owned(),
        quality: float(&fields["prior_quality"]),
        output_tokens: float(&fields["prior_output_tokens"]),
        latency: float(&fields["prior_latency_seconds"]),
        failure_rate: float(&fields["prior_failure_rate"]),
    }
}

pub fn offer(fields: &Value) -> Offer {
    let arm = fields["arm"].as_u64().and_then(|arm| usize::try_from(arm).ok()).unwrap_or(usize::MAX);
    Offer { arm, input_price: whole(&fields["input_price"]), output_price: whole(&fields["output_price"]) }
}

pub fn choose(engine: &mut Engine, fields: &Value) -> Result<Choice, Fault> {
    let index = |value: &Value| value.as_u64().and_then(|index| u32::try_from(index).ok()).unwrap_or(u32::MAX);
    let candidates: Vec<u32> = fields["candidates"].as_array().expect("candidates").iter().map(index).collect();
    let features = fields["features"].as_array().map(|values| pack(values));
    engine.choose(&Query {
        generation: whole(&fields["generation"]),
        candidates: &candidates,
        seed: unsigned(&fields["seed"]),
        now: whole(&fields["now_nanos"]),
        input_tokens: float(&fields["input_tokens"]),
        cost_weight: float(&fields["cost_weight"]),
        latency_weight: float(&fields["latency_weight"]),
        text: fields["text"].as_str(),
        features: features.as_deref(),
        max_output_tokens: fields["max_output_tokens"].as_f64(),
        max_cost: fields["max_cost_nano_usd"].as_f64(),
        quality_floor: fields["quality_floor"].as_f64(),
        latency_slo: fields["latency_slo_seconds"].as_f64(),
        tenant: fields["tenant"].as_str(),
        favoured: (!fields["favoured"].is_null()).then(|| fields["favoured"].as_i64().unwrap_or(-1)),
        favour: float(&fields["favour"]),
    })
}

pub fn learn(engine: &mut Engine, fields: &Value) -> Result<bool, Fault> {
    engine.learn(&Outcome {
        arm: text(&fields["arm"]),
        replica: text(&fields["replica"]),
        sequence: whole(&fields["sequence"]),
        decided: whole(&fields["decided_nanos"]),
        now: whole(&fields["now_nanos"]),
        features: &pack(fields["features"].as_array().expect("features")),
        quality: fields["quality"].as_f64(),
        output_tokens: fields["output_tokens"].as_f64(),
        latency: fields["latency_seconds"].as_f64(),
        failed: fields["failed"].as_bool(),
        predicted_mean: fields["predicted_mean"].as_f64(),
        predicted_linear: fields["predicted_linear"].as_f64(),
        tenant: fields["tenant"].as_str(),
    })
}

pub fn spell_choice(choice: &Choice) -> Value {
    let word = |exclusion: &Exclusion| match exclusion {
        Exclusion::MaxCost => "max_cost",
        Exclusion::QualityFloor => "quality_floor",
        Exclusion::LatencySlo => "latency_slo",
    };
    let exclusions: serde_json::Map<String, Value> =
        choice.exclusions.iter().map(|(position, exclusion)| (position.to_string(), word(exclusion).into())).collect();
    json!({
        "chosen": choice.chosen,
        "propensities": choice.figure(Figure::Propensity),
        "utilities": choice.figure(Figure::Utility),
        "quality": choice.figure(Figure::Quality),
        "cost_nano_usd": choice.figure(Figure::Cost),
        "latency_seconds": choice.figure(Figure::Latency),
        "failure_rate": choice.figure(Figure::FailureRate),
        "exclusions": exclusions,
        "floor_unmet": choice.floor_unmet,
        "slo_unmet": choice.slo_unmet,
        "features": unpack(choice.features()),
        "context_on": choice.context_on,
        "predicted_mean": choice.predicted_mean,
        "predicted_linear": choice.predicted_linear,
    })
}

pub fn spell_summary(engine: &mut Engine, now: i64) -> Result<Value, Fault> {
    let (arms, context_z) = engine.summary(now)?;
    let arms: Vec<Value> = arms
        .iter()
        .map(|arm| {
            json!({
                "name": arm.name,
                "observations": arm.observations,
                "quality": arm.means.quality,
                "output_tokens": arm.means.output_tokens,
                "latency_seconds": arm.means.latency,
                "failure_rate": arm.means.failure_rate,
                "residual_sd": arm.residual_sd,
            })
        })
        .collect();
    let statistics = engine.statistics();
    Ok(json!({
        "arms": arms,
        "learned": statistics.learned,
        "context_on": statistics.gate.is_open,
        "context_z": context_z,
        "high_water": statistics.high_water,
    }))
}

pub const fn error_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Engine => "EngineError",
        Kind::Query => "InvalidQueryError",
        Kind::Outcome => "InvalidOutcomeError",
        Kind::Stale => "StaleGenerationError",
        Kind::Corrupt => "CorruptCheckpointError",
        Kind::Mismatch => "CheckpointMismatchError",
        Kind::Panic => "EnginePanicError",
    }
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is not text"))
}

pub fn float(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is not a number"))
}

pub fn whole(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("{value} is not an integer"))
}

pub fn unsigned(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is not an unsigned integer"))
}

pub fn pack(values: &[Value]) -> Vec<u8> {
    #[allow(clippy::cast_possible_truncation, reason = "every recorded feature is exactly a float32")]
    values.iter().flat_map(|value| (float(value) as f32).to_le_bytes()).collect()
}

pub fn unpack(packed: &[u8]) -> Vec<f64> {
    packed.as_chunks::<4>().0.iter().map(|bytes| f64::from(f32::from_le_bytes(*bytes))).collect()
}

pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

pub fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits = hexadecimal.as_bytes().as_chunks::<2>().0;
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("two digits");
    digits.iter().map(byte).collect()
}
