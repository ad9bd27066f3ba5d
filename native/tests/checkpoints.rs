//! Bytes with a sound digest that no engine would write are refused all the same.

use std::collections::BTreeMap;

use atp_native::checkpoint::{decode, encode};
use atp_native::decay::Decay;
use atp_native::error::Kind;
use atp_native::parameters::{ContextMode, Parameters};
use atp_native::policy::Learner;
use atp_native::statistics::PoolStatistics;
use atp_native::sums::ArmStatistics;
use atp_native::tenants::{Difference, Tenant, Tenants};
use sha2::{Digest, Sha256};

fn parameters() -> Parameters {
    Parameters {
        pool: "büro".into(),
        schema: "own.v1".into(),
        dimension: 2,
        cost_scale: 1.0,
        latency_scale: 1.0,
        learner: Learner::Greedy,
        scale: 0.0,
        alpha: 0.0,
        epsilon: 0.0,
        slope_precision: 1.0,
        decay: Decay { half_life: Some(1_000) },
        context: ContextMode::Auto,
        context_on_z: 1.0,
        context_off_z: 0.0,
        context_min_weight: 1.0,
        gamma: 50.0,
        tenant_pseudo_count: 20.0,
        tenant_offset_limit: 0.2,
        tenant_limit: 2,
        token_precision: 1.0,
        common_precision: 1.0,
    }
}

/// Header and payload of a state with two arms and two tenants.
fn parts() -> (String, Vec<f64>) {
    let mut statistics = PoolStatistics::empty(3);
    for name in ["b", "a"] {
        let mut arm = ArmStatistics::empty(name.into(), 3);
        for sums in [&mut arm.quality, &mut arm.lengths] {
            sums.moments.fill(0.5);
            sums.products.fill(-0.25);
        }
        arm.lengths.products[0] = 0.25;
        statistics.adopt(arm);
    }
    statistics.high_water = BTreeMap::from([("r1".to_owned(), 7)]);
    statistics.learned = 9;
    statistics.common.age = 5;
    statistics.common.coefficients.fill(-0.125);
    let sums = Difference { count: 0.5, mean: -0.25, linear: 0.125 };
    let tenant = |name: &str, touched, slots: &[usize]| {
        let differences = slots.iter().map(|slot| (*slot, sums)).collect();
        (name.to_owned(), Tenant { touched, differences })
    };
    statistics.tenants = Tenants::latest(vec![tenant("u", 8, &[0, 1]), tenant("t", 9, &[0])], 2);
    let bytes = encode(&parameters(), &statistics);
    let length = u32::from_le_bytes(bytes[8..12].try_into().expect("four bytes")) as usize;
    let header = String::from_utf8(bytes[12..12 + length].to_vec()).expect("UTF-8");
    let payload = bytes[12 + length..bytes.len() - 32].as_chunks::<8>().0;
    (header, payload.iter().map(|number| f64::from_le_bytes(*number)).collect())
}

fn sealed(header: &str, payload: &[f64]) -> Vec<u8> {
    let mut bytes = b"ATPENG1\n".to_vec();
    bytes.extend(u32::try_from(header.len()).expect("a short header").to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(payload.iter().flat_map(|number| number.to_le_bytes()));
    let digest = Sha256::digest(&bytes);
    bytes.extend(digest);
    bytes
}

fn refusal(header: &str, payload: &[f64]) -> Option<Kind> {
    decode(&sealed(header, payload), &parameters()).err().map(|fault| fault.kind)
}

#[test]
fn what_was_written_is_read_back_to_the_byte() {
    let (header, payload) = parts();
    let bytes = sealed(&header, &payload);
    let statistics = decode(&bytes, &parameters()).expect("a sound checkpoint");
    assert_eq!(encode(&parameters(), &statistics), bytes);
}

#[test]
fn a_header_that_no_engine_writes_is_corrupt() {
    let (header, payload) = parts();
    for (written, damaged) in [
        (r#""contract":3"#, r#""contract":true"#),
        (r#""contract":3"#, r#""contract":3.0"#),
        (r#""contract":3,"#, ""),
        (r#""learned":9"#, r#""learned":-1"#),
        (r#""learned":9"#, r#""learned": 0"#),
        (r#""learned":9"#, r#""learned":9,"more":0"#),
        (r#""context_on":true"#, r#""context_on":1"#),
        (r#""common_age":5"#, r#""common_age":32"#),
        (r#""common_age":5"#, r#""common_age":-1"#),
        (r#""common_age":5,"#, ""),
        (r#""dimension":2"#, r#""dimension":3"#),
        (r#""half_life_nanos":1000"#, r#""half_life_nanos":0"#),
        (r#"{"r1":7}"#, r#"{"":7}"#),
        (r#"{"r1":7}"#, r#"{"r1":9223372036854775808}"#),
        (r#""learned":9"#, r#""learned":8"#),
        (r#""epoch_nanos":0"#, r#""epoch_nanos":1000"#),
        (r#"["t",9,["b"]]"#, r#"["t",0,["b"]]"#),
        (r#"["t",9,["b"]]"#, r#"["t",9,[]]"#),
        (r#"["t",9,["b"]]"#, r#"["t",9,["b"],0]"#),
        (r#"["t",9,["b"]]"#, r#"["t",9,["c"]]"#),
        (r#"["t",9,["b"]]"#, r#"["u",9,["b"]]"#),
        (r#"["t",9,["b"]]"#, r#"["",9,["b"]]"#),
        (r#"["u",8,["a","b"]]"#, r#"["u",8,["b","a"]]"#),
        (r#""arms":["a","b"]"#, r#""arms":["b","a"]"#),
        (r#""arms":["a","b"]"#, r#""arms":["a","a"]"#),
        (r#""arms":["a","b"]"#, r#""arms":["","b"]"#),
        ("büro", ""),
    ] {
        let damaged_header = header.replace(written, damaged);
        assert_ne!(damaged_header, header, "{written}");
        assert_eq!(refusal(&damaged_header, &payload), Some(Kind::Corrupt), "{damaged}");
    }
    assert_eq!(refusal("[]", &payload), Some(Kind::Corrupt));
}

#[test]
fn a_sound_checkpoint_of_another_engine_is_a_mismatch() {
    let (header, payload) = parts();
    for (ours, theirs) in [
        (r#""contract":3"#, r#""contract":2"#),
        ("büro", "garten"),
        ("own.v1", "own.v2"),
        (r#""half_life_nanos":1000"#, r#""half_life_nanos":null"#),
    ] {
        assert_eq!(refusal(&header.replace(ours, theirs), &payload), Some(Kind::Mismatch), "{theirs}");
    }
}

#[test]
fn numbers_that_are_no_sums_are_corrupt() {
    let (header, payload) = parts();
    // The gate's three sums come first, then three common coefficients. Of the first arm, cells 8 and 17 are on the
    // diagonals, 21 is the sum of tokens, 24 and 27 are sums of squares. Two arms of twenty-four numbers end before cell
    // 54, where the first tenant's count stands.
    for (cell, number) in [
        (1, -1.0),
        (2, -1.0),
        (8, -0.5),
        (17, -0.5),
        (21, -0.5),
        (24, -0.5),
        (27, -0.5),
        (0, f64::NAN),
        (9, 2e100),
        (3, f64::INFINITY),
        (4, -2e100),
        (54, -0.5),
        (55, 2e100),
    ] {
        let mut damaged = payload.clone();
        damaged[cell] = number;
        assert_eq!(refusal(&header, &damaged), Some(Kind::Corrupt), "{number} in cell {cell}");
    }
    let mut signed = payload.clone();
    for cell in [0, 3, 7, 13, 16, 22, 55] {
        signed[cell] = -3.0;
    }
    assert_eq!(refusal(&header, &signed), None);
    assert_eq!(refusal(&header, &payload[1..]), Some(Kind::Corrupt));
}

#[test]
fn an_epoch_is_a_whole_number_of_thirty_two_half_lives() {
    let (header, payload) = parts();
    let at = |epoch: &str| header.replace(r#""epoch_nanos":0"#, &format!(r#""epoch_nanos":{epoch}"#));
    assert_eq!(refusal(&at("64000"), &payload), None);
    assert_eq!(refusal(&at("63000"), &payload), Some(Kind::Corrupt));
    let everlasting = at("64000").replace("1000", "null").replace("64null", "64000");
    assert_eq!(refusal(&everlasting, &payload), Some(Kind::Corrupt));
}
