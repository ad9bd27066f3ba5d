//! The vectors that every engine answers alike; `tests/conformance/vectors/engine/README.md` documents them.

use std::fs;
use std::path::{Path, PathBuf};

use atp_native::arm::{Arm, Offer};
use atp_native::choice::{Choice, Exclusion, Figure};
use atp_native::decay::Decay;
use atp_native::engine::Engine;
use atp_native::error::{Fault, Kind};
use atp_native::parameters::{ContextMode, Parameters};
use atp_native::policy::Learner;
use atp_native::query::{Outcome, Query};
use atp_native::rng::{Stream, normal_table};
use serde_json::{Value, json};

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/conformance/vectors/engine");
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    files
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("a readable file")).expect("valid JSON")
}

#[test]
fn the_engine_answers_as_recorded() {
    let mut steps = 0;
    for path in files() {
        let document = read(&path);
        let Some(fields) = document.get("parameters") else { continue };
        let mut engine = Engine::new(parameters(fields)).expect("recorded parameters are valid");
        for (number, step) in document["steps"].as_array().expect("steps").iter().enumerate() {
            let answer = perform(&mut engine, step).unwrap_or_else(|fault| json!({"error": error_name(fault.kind)}));
            let place = format!("{} step {number} ({})", path.display(), step["do"]);
            compare(&answer, &step["expect"], &place, "");
            steps += 1;
        }
    }
    assert!(steps > 500, "only {steps} steps were found");
}

#[test]
fn chance_is_as_recorded() {
    let path = files().into_iter().find(|path| path.ends_with("chance.json")).expect("chance.json");
    for step in read(&path)["steps"].as_array().expect("steps") {
        let stream = || Stream::new(unsigned(&step["seed"]), unsigned(&step["stream"]));
        let expected = &step["expect"];
        match step["do"].as_str().expect("a verb") {
            "word" => assert_eq!(stream().word(unsigned(&step["index"])), unsigned(&expected["word"])),
            "uniform" => assert_eq!(stream().uniform(unsigned(&step["index"])), float(&expected["uniform"])),
            _ => {
                let cell = usize::try_from(unsigned(&step["cell"])).expect("a cell");
                let (found, expected) = (normal_table()[cell], float(&expected["normal"]));
                assert!((found - expected).abs() <= 1e-14 * expected.abs(), "cell {cell}: {found} is not {expected}");
            }
        }
    }
}

fn perform(engine: &mut Engine, step: &Value) -> Result<Value, Fault> {
    Ok(match step["do"].as_str().expect("a verb") {
        "load" => {
            let arms = step["arms"].as_array().expect("arms").iter().map(arm).collect();
            let offers = step["offers"].as_array().expect("offers").iter().map(offer).collect();
            engine.load(arms, offers, whole(&step["generation"]))?;
            json!({})
        }
        "features" => json!({"features": unpack(&engine.features(text(&step["text"]))?)}),
        "choose" => json!({"choice": spell_choice(&choose(engine, &step["query"])?)}),
        "learn" => json!({"learned": learn(engine, &step["outcome"])?}),
        "summary" => json!({"summary": spell_summary(engine, whole(&step["now_nanos"]))?}),
        "checkpoint" => json!({"checkpoint": hexadecimal(&engine.checkpoint())}),
        "restore" => {
            engine.restore(&bytes(text(&step["checkpoint"])))?;
            json!({})
        }
        verb => panic!("no step is called {verb}"),
    })
}

fn parameters(fields: &Value) -> Parameters {
    Parameters {
        pool: text(&fields["pool"]).to_owned(),
        schema: text(&fields["schema_id"]).to_owned(),
        dimension: usize::try_from(unsigned(&fields["dimension"])).expect("a dimension"),
        cost_scale: float(&fields["cost_scale_nano_usd"]),
        latency_scale: float(&fields["latency_scale_seconds"]),
        learner: match text(&fields["learner"]) {
            "thompson" => Learner::Thompson,
            "linucb" => Learner::Linucb,
            _ => Learner::Greedy,
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
    }
}

fn arm(fields: &Value) -> Arm {
    Arm {
        name: text(&fields["name"]).to_owned(),
        quality: float(&fields["prior_quality"]),
        output_tokens: float(&fields["prior_output_tokens"]),
        latency: float(&fields["prior_latency_seconds"]),
        failure_rate: float(&fields["prior_failure_rate"]),
    }
}

fn offer(fields: &Value) -> Offer {
    let arm = fields["arm"].as_u64().and_then(|arm| usize::try_from(arm).ok()).unwrap_or(usize::MAX);
    Offer { arm, input_price: whole(&fields["input_price"]), output_price: whole(&fields["output_price"]) }
}

fn choose(engine: &mut Engine, fields: &Value) -> Result<Choice, Fault> {
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
    })
}

fn learn(engine: &mut Engine, fields: &Value) -> Result<bool, Fault> {
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
    })
}

fn spell_choice(choice: &Choice) -> Value {
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
        "features": unpack(&choice.features),
        "context_on": choice.context_on,
        "predicted_mean": choice.predicted_mean,
        "predicted_linear": choice.predicted_linear,
    })
}

fn spell_summary(engine: &mut Engine, now: i64) -> Result<Value, Fault> {
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

/// Fails at the first place where an answer is not what was recorded.
fn compare(found: &Value, expected: &Value, place: &str, name: &str) {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            let keys = |fields: &serde_json::Map<String, Value>| fields.keys().cloned().collect::<Vec<_>>();
            assert_eq!(keys(found), keys(expected), "{place}: {found:?}");
            expected.iter().for_each(|(key, value)| compare(&found[key], value, &format!("{place} {key}"), key));
        }
        (Value::Array(found), Value::Array(expected)) => {
            assert_eq!(found.len(), expected.len(), "{place}");
            found.iter().zip(expected).for_each(|(found, expected)| compare(found, expected, place, name));
        }
        (Value::String(found), Value::String(expected)) if name == "checkpoint" => {
            compare_checkpoints(&bytes(found), &bytes(expected), place);
        }
        (Value::Number(found), Value::Number(expected)) if expected.is_f64() => {
            let (found, expected) = (found.as_f64().expect("a float"), expected.as_f64().expect("a float"));
            let is_close = match name {
                "residual_sd" => (found * found - expected * expected).abs() <= 1e-9,
                "features" => (found - expected).abs() <= f64::from(f32::EPSILON) * expected.abs(),
                _ => (found - expected).abs() <= 1e-12 + 1e-9 * found.abs().max(expected.abs()),
            };
            assert!(is_close, "{place}: {found} is not {expected}");
        }
        _ => assert_eq!(found, expected, "{place}"),
    }
}

/// Header bytes are equal, payload numbers are close; the engine's own restore proves the digests.
fn compare_checkpoints(found: &[u8], expected: &[u8], place: &str) {
    let split = |bytes: &[u8]| -> (Vec<u8>, Vec<f64>) {
        let length = u32::from_le_bytes(bytes[8..12].try_into().expect("four bytes")) as usize;
        let payload = &bytes[12 + length..bytes.len() - 32];
        let numbers = payload.as_chunks::<8>().0.iter().map(|number| f64::from_le_bytes(*number)).collect();
        (bytes[..12 + length].to_vec(), numbers)
    };
    let ((found, found_numbers), (expected, expected_numbers)) = (split(found), split(expected));
    assert_eq!(found, expected, "{place}");
    compare(&json!(found_numbers), &json!(expected_numbers), place, "payload");
}

const fn error_name(kind: Kind) -> &'static str {
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

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is not text"))
}

fn float(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is not a number"))
}

fn whole(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("{value} is not an integer"))
}

fn unsigned(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is not an unsigned integer"))
}

fn pack(values: &[Value]) -> Vec<u8> {
    #[allow(clippy::cast_possible_truncation, reason = "every recorded feature is exactly a float32")]
    values.iter().flat_map(|value| (float(value) as f32).to_le_bytes()).collect()
}

fn unpack(packed: &[u8]) -> Vec<f64> {
    packed.as_chunks::<4>().0.iter().map(|bytes| f64::from(f32::from_le_bytes(*bytes))).collect()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits = hexadecimal.as_bytes().as_chunks::<2>().0;
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("two digits");
    digits.iter().map(byte).collect()
}
