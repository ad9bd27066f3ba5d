//! The bytes of a learned state, the same for every engine.
//!
//! `atp_grpc/engine/checkpoint.py` documents the layout. Decoding never trusts a byte: whatever is not exactly what
//! `encode` would write is refused, before anything is allocated for it.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::error::{Fault, Kind};
use crate::linalg::triangle;
use crate::parameters::{DIMENSION_LIMIT, Parameters};
use crate::statistics::{ArmStatistics, Gate, PoolStatistics, Tally};

/// Version of the promise that both engines keep, as checkpoints carry it.
pub const CONTRACT: i64 = 1;

const MAGIC: &[u8; 8] = b"ATPENG1\n";
const DIGEST_SIZE: usize = 32;
const NUMBER_SIZE: usize = 8;
const GATE_SUMS: usize = 3;
const ARM_FIGURES: usize = 7;
/// No sum of valid outcomes comes near it; above it, reading could overflow.
const MAGNITUDE_LIMIT: f64 = 1e100;
const HEADER_KEYS: usize = 10;

/// The bytes of a state. Equal states give equal bytes.
#[must_use]
pub fn encode(parameters: &Parameters, statistics: &PoolStatistics) -> Vec<u8> {
    let mut arms: Vec<&ArmStatistics> = statistics.arms().iter().collect();
    arms.sort_by(|a, b| a.name.cmp(&b.name));
    let header = json!({
        "arms": arms.iter().map(|arm| arm.name.as_str()).collect::<Vec<_>>(),
        "context_on": statistics.gate.is_open,
        "contract": CONTRACT,
        "dimension": parameters.dimension,
        "epoch_nanos": statistics.epoch,
        "half_life_nanos": parameters.decay.half_life,
        "high_water": statistics.high_water,
        "learned": statistics.learned,
        "pool": parameters.pool,
        "schema": parameters.schema,
    })
    .to_string();

    let per_arm = numbers_per_arm(statistics.size);
    let mut bytes = Vec::with_capacity(
        MAGIC.len() + 4 + header.len() + NUMBER_SIZE * (GATE_SUMS + arms.len() * per_arm) + DIGEST_SIZE,
    );
    bytes.extend_from_slice(MAGIC);
    // Names are bounded far below the four gigabytes that the length can say.
    bytes.extend_from_slice(&u32::try_from(header.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend_from_slice(header.as_bytes());
    let gate = &statistics.gate;
    let mut put = |number: f64| bytes.extend_from_slice(&number.to_le_bytes());
    [gate.advantage, gate.spread, gate.weight].into_iter().for_each(&mut put);
    for arm in arms {
        arm.moments.iter().chain(&arm.rewards).copied().for_each(&mut put);
        put(arm.squares);
        for tally in [arm.tokens, arm.latency, arm.failures] {
            put(tally.count);
            put(tally.sum);
        }
    }
    let digest = Sha256::digest(&bytes);
    bytes.extend_from_slice(&digest);
    bytes
}

/// The state in the bytes, for an engine with these parameters.
///
/// # Errors
/// `Kind::Corrupt` for what no engine writes, `Kind::Mismatch` for a sound checkpoint of another engine.
pub fn decode(bytes: &[u8], parameters: &Parameters) -> Result<PoolStatistics, Fault> {
    let corrupt = |sentence| Kind::Corrupt.because(sentence);
    let rest = bytes.strip_prefix(MAGIC).ok_or(corrupt("not a checkpoint"))?;
    let (length, rest) = rest.split_first_chunk::<4>().ok_or(corrupt("not a checkpoint"))?;
    let (rest, digest) = rest.split_last_chunk::<DIGEST_SIZE>().ok_or(corrupt("not a checkpoint"))?;
    let body = &bytes[..bytes.len() - DIGEST_SIZE];
    Kind::Corrupt.unless(Sha256::digest(body).as_slice() == digest, "the digest does not match")?;
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    let (header, payload) = rest.split_at_checked(length).ok_or(corrupt("the header is longer than the checkpoint"))?;
    let header = read_header(header)?;
    let statistics = read_payload(&header, payload)?;
    let is_ours = header.pool == parameters.pool
        && header.schema == parameters.schema
        && header.dimension == parameters.dimension
        && header.half_life == parameters.decay.half_life;
    Kind::Mismatch.unless(is_ours, "the checkpoint belongs to another pool, schema, dimension or half-life")?;
    Ok(statistics)
}

/// A header whose every value is of the right type and range.
struct Header {
    pool: String,
    schema: String,
    dimension: usize,
    half_life: Option<i64>,
    epoch: i64,
    learned: i64,
    high_water: Vec<(String, i64)>,
    context_on: bool,
    arms: Vec<String>,
}

fn read_header(bytes: &[u8]) -> Result<Header, Fault> {
    const NOT_OURS: Fault = Kind::Corrupt.because("the header is not that of a checkpoint");
    let value: Value = serde_json::from_slice(bytes).map_err(|_| NOT_OURS)?;
    let fields = value.as_object().ok_or(NOT_OURS)?;
    let contract = fields.get("contract").and_then(whole).ok_or(NOT_OURS)?;
    Kind::Mismatch.unless(contract == CONTRACT, "the checkpoint was written for another contract version")?;
    // Maps of this JSON library are sorted, so writing the value again gives the canonical form.
    let is_canonical = fields.len() == HEADER_KEYS && value.to_string().as_bytes() == bytes;
    is_canonical.then(|| read_fields(fields)).flatten().ok_or(NOT_OURS)
}

fn read_fields(fields: &Map<String, Value>) -> Option<Header> {
    let half_life = match fields.get("half_life_nanos")? {
        Value::Null => None,
        value => Some(whole(value).filter(|nanos| *nanos > 0)?),
    };
    let arms: Vec<String> = fields.get("arms")?.as_array()?.iter().map(name).collect::<Option<_>>()?;
    let marks = fields.get("high_water")?.as_object()?;
    let mark = |(replica, mark): (&String, &Value)| (!replica.is_empty()).then_some((replica.clone(), whole(mark)?));
    arms.is_sorted_by(|earlier, later| earlier < later).then_some(Header {
        pool: name(fields.get("pool")?)?,
        schema: name(fields.get("schema")?)?,
        dimension: usize::try_from(whole(fields.get("dimension")?)?)
            .ok()
            .filter(|dimension| (1..=DIMENSION_LIMIT).contains(dimension))?,
        half_life,
        epoch: whole(fields.get("epoch_nanos")?)?,
        learned: whole(fields.get("learned")?)?,
        high_water: marks.iter().map(mark).collect::<Option<_>>()?,
        context_on: fields.get("context_on")?.as_bool()?,
        arms,
    })
}

fn read_payload(header: &Header, payload: &[u8]) -> Result<PoolStatistics, Fault> {
    let size = header.dimension + 1;
    let (numbers, rest) = payload.as_chunks::<NUMBER_SIZE>();
    let fits = rest.is_empty() && numbers.len() == GATE_SUMS + header.arms.len() * numbers_per_arm(size);
    Kind::Corrupt.unless(fits, "the payload does not fit the header")?;
    let numbers: Vec<f64> = numbers.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
    // Comparing from this side also refuses NaN, which is below nothing.
    let is_sane = numbers.iter().all(|number| number.abs() <= MAGNITUDE_LIMIT);
    Kind::Corrupt.unless(is_sane, "a number is not finite or too large")?;

    let mut statistics = PoolStatistics::empty(size);
    statistics.epoch = header.epoch;
    statistics.learned = header.learned;
    statistics.high_water = header.high_water.iter().cloned().collect();
    let (gate, numbers) = numbers.split_at(GATE_SUMS);
    statistics.gate = Gate { advantage: gate[0], spread: gate[1], weight: gate[2], is_open: header.context_on };
    let mut are_sums = gate[1] >= 0.0 && gate[2] >= 0.0;
    for (arm, numbers) in header.arms.iter().zip(numbers.chunks_exact(numbers_per_arm(size))) {
        let (moments, numbers) = numbers.split_at(triangle(size));
        let (rewards, figures) = numbers.split_at(size);
        let diagonal = (0..size).map(|row| moments[triangle(row) + row]);
        are_sums &= diagonal.chain(figures.iter().copied()).all(|sum| sum >= 0.0);
        let tally = |first: usize| Tally { count: figures[first], sum: figures[first + 1] };
        statistics.adopt(ArmStatistics {
            moments: moments.to_vec(),
            rewards: rewards.to_vec(),
            squares: figures[0],
            tokens: tally(1),
            latency: tally(3),
            failures: tally(5),
            ..ArmStatistics::empty(arm.clone(), 0)
        });
    }
    Kind::Corrupt.unless(are_sums, "a count or a sum of squares is negative")?;
    Ok(statistics)
}

const fn numbers_per_arm(size: usize) -> usize {
    triangle(size) + size + ARM_FIGURES
}

/// An integer from 0 to 2^63 - 1.
fn whole(value: &Value) -> Option<i64> {
    value.as_i64().filter(|number| *number >= 0)
}

fn name(value: &Value) -> Option<String> {
    value.as_str().filter(|name| !name.is_empty()).map(str::to_owned)
}
