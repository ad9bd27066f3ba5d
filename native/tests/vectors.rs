//! The vectors that every engine answers alike; `tests/conformance/vectors/engine/README.md` documents them.

mod spelling;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use atp_native::embed::{SCHEMA, TextExtractor, TextTable};
use atp_native::engine::Engine;
use atp_native::error::Fault;
use atp_native::processor::Processor;
use atp_native::rng::{Stream, normal_table};
use serde_json::{Value, json};

use spelling::{
    arm, bytes, choose, error_name, float, hexadecimal, learn, offer, parameters, spell_choice, spell_summary, text,
    unpack, unsigned, whole,
};

static TEXT: LazyLock<Arc<TextExtractor>> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../atp_grpc/engine/text_table.bin");
    let bytes = fs::read(path).expect("the table is shipped");
    Arc::new(TextExtractor::new(TextTable::decode(&bytes).expect("a sound table")))
});

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
        let parameters = parameters(fields);
        let text = (parameters.schema == SCHEMA).then(|| Arc::clone(&TEXT));
        let mut engine = Engine::on(Processor::detect(), parameters, text).expect("recorded parameters are valid");
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
        "discount" => json!({"discounted": engine.discount(text(&step["arm"]), float(&step["keep"]))?}),
        "summary" => json!({"summary": spell_summary(engine, whole(&step["now_nanos"]))?}),
        "checkpoint" => json!({"checkpoint": hexadecimal(&engine.checkpoint())}),
        "restore" => {
            engine.restore(&bytes(text(&step["checkpoint"])))?;
            json!({})
        }
        verb => panic!("no step is called {verb}"),
    })
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
