//! The bytes of a learned state, the same for every engine.
//!
//! `atp_grpc/engine/checkpoint.py` documents the layout. Decoding never trusts a byte: whatever is not exactly what
//! `encode` would write is refused, before anything is allocated for it.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::common::{Common, READING_PERIOD};
use crate::decay::EPOCH_HALF_LIVES;
use crate::error::{Fault, Kind};
use crate::gate::Gate;
use crate::linalg::triangle;
use crate::parameters::{DIMENSION_LIMIT, Parameters};
use crate::statistics::PoolStatistics;
use crate::sums::{ArmStatistics, LinearSums, Tally, length_size};
use crate::tenants::{Difference, Tenant, Tenants};

/// Version of the promise that both engines keep, as checkpoints carry it.
pub const CONTRACT: i64 = 3;

const MAGIC: &[u8; 8] = b"ATPENG1\n";
const DIGEST_SIZE: usize = 32;
const NUMBER_SIZE: usize = 8;
const GATE_SUMS: usize = 3;
const ARM_FIGURES: usize = 6;
const TENANT_SUMS: usize = 3;
/// No sum of valid outcomes comes near it; above it, reading could overflow.
const MAGNITUDE_LIMIT: f64 = 1e100;
const HEADER_KEYS: usize = 12;

/// The bytes of a state. Equal states give equal bytes.
#[must_use]
pub fn encode(parameters: &Parameters, statistics: &PoolStatistics) -> Vec<u8> {
    let tenants = spell_tenants(statistics);
    let entry =
        |(name, touched, arms): &Spelled| json!([name, touched, arms.iter().map(|(arm, _)| *arm).collect::<Vec<_>>()]);
    let header = json!({
        "arms": statistics.by_name().map(|arm| arm.name.as_str()).collect::<Vec<_>>(),
        "common_age": statistics.common.age,
        "context_on": statistics.gate.is_open,
        "contract": CONTRACT,
        "dimension": parameters.dimension,
        "epoch_nanos": statistics.epoch,
        "half_life_nanos": parameters.decay.half_life,
        "high_water": statistics.high_water,
        "learned": statistics.learned,
        "pool": parameters.pool,
        "schema": parameters.schema,
        "tenants": tenants.iter().map(entry).collect::<Vec<_>>(),
    })
    .to_string();

    let pairs: usize = tenants.iter().map(|(_, _, arms)| arms.len()).sum();
    let numbers = numbers_of_pool(statistics.size)
        + statistics.arms().len() * numbers_per_arm(statistics.size)
        + pairs * TENANT_SUMS;
    let mut bytes = Vec::with_capacity(MAGIC.len() + 4 + header.len() + NUMBER_SIZE * numbers + DIGEST_SIZE);
    bytes.extend_from_slice(MAGIC);
    // Names are bounded far below the four gigabytes that the length can say.
    bytes.extend_from_slice(&u32::try_from(header.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend_from_slice(header.as_bytes());
    let gate = &statistics.gate;
    let mut put = |number: f64| bytes.extend_from_slice(&number.to_le_bytes());
    [gate.advantage, gate.spread, gate.weight].into_iter().for_each(&mut put);
    statistics.common.coefficients.iter().copied().for_each(&mut put);
    for arm in statistics.by_name() {
        for sums in [&arm.quality, &arm.lengths] {
            sums.moments.iter().chain(&sums.products).copied().for_each(&mut put);
        }
        let (latency, failures) = (arm.latency, arm.failures);
        let figures = [arm.squares, latency.count, latency.sum, arm.latency_squares, failures.count, failures.sum];
        figures.into_iter().for_each(&mut put);
    }
    for (_, sums) in tenants.iter().flat_map(|(_, _, arms)| arms) {
        [sums.count, sums.mean, sums.linear].into_iter().for_each(&mut put);
    }
    let digest = Sha256::digest(&bytes);
    bytes.extend_from_slice(&digest);
    bytes
}

/// A tenant by name: when it was last taught, and its sums by arm, ascending.
type Spelled<'a> = (&'a str, i64, Vec<(&'a str, Difference)>);

fn spell_tenants(statistics: &PoolStatistics) -> Vec<Spelled<'_>> {
    let name = |slot: usize| statistics.arms()[slot].name.as_str();
    let spell = |(tenant, known): (_, &Tenant)| {
        let mut arms: Vec<_> = known.differences.iter().map(|(slot, sums)| (name(*slot), *sums)).collect();
        arms.sort_unstable_by_key(|(arm, _)| *arm);
        (tenant, known.touched, arms)
    };
    statistics.tenants.sorted().into_iter().map(spell).collect()
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
    let statistics = read_payload(&header, payload, parameters.tenant_limit)?;
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
    common_age: i64,
    context_on: bool,
    arms: Vec<String>,
    tenants: Vec<(String, i64, Vec<String>)>,
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
    let learned = whole(fields.get("learned")?)?;
    let tenants: Vec<_> =
        fields.get("tenants")?.as_array()?.iter().map(|entry| tenant(entry, learned)).collect::<Option<_>>()?;
    let marks = fields.get("high_water")?.as_object()?;
    let mark = |(replica, mark): (&String, &Value)| (!replica.is_empty()).then_some((replica.clone(), whole(mark)?));
    tenants.is_sorted_by(|(earlier, ..), (later, ..)| earlier < later).then_some(Header {
        pool: name(fields.get("pool")?)?,
        schema: name(fields.get("schema")?)?,
        dimension: usize::try_from(whole(fields.get("dimension")?)?)
            .ok()
            .filter(|dimension| (1..=DIMENSION_LIMIT).contains(dimension))?,
        half_life,
        epoch: whole(fields.get("epoch_nanos")?).filter(|nanos| is_epoch(*nanos, half_life))?,
        learned,
        high_water: marks.iter().map(mark).collect::<Option<_>>()?,
        common_age: whole(fields.get("common_age")?).filter(|age| *age < READING_PERIOD)?,
        context_on: fields.get("context_on")?.as_bool()?,
        arms: names(fields.get("arms")?)?,
        tenants,
    })
}

/// A name, when it was last taught, and the arms it was taught on.
fn tenant(entry: &Value, learned: i64) -> Option<(String, i64, Vec<String>)> {
    let [who, touched, arms] = entry.as_array()?.as_slice() else { return None };
    let touched = whole(touched).filter(|touched| (1..=learned).contains(touched))?;
    Some((name(who)?, touched, names(arms).filter(|arms| !arms.is_empty())?))
}

fn is_epoch(nanos: i64, half_life: Option<i64>) -> bool {
    half_life.map_or(nanos == 0, |half_life| i128::from(nanos) % (EPOCH_HALF_LIVES * i128::from(half_life)) == 0)
}

fn read_payload(header: &Header, payload: &[u8], tenant_limit: usize) -> Result<PoolStatistics, Fault> {
    let size = header.dimension + 1;
    let (numbers, rest) = payload.as_chunks::<NUMBER_SIZE>();
    let for_arms = header.arms.len() * numbers_per_arm(size);
    let pairs: usize = header.tenants.iter().map(|(_, _, arms)| arms.len()).sum();
    let fits = rest.is_empty() && numbers.len() == numbers_of_pool(size) + for_arms + pairs * TENANT_SUMS;
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
    let (common, numbers) = numbers.split_at(size);
    let (numbers, of_tenants) = numbers.split_at(for_arms);
    statistics.gate = Gate { advantage: gate[0], spread: gate[1], weight: gate[2], is_open: header.context_on };
    statistics.common = Common { coefficients: common.to_vec(), age: header.common_age, ..Common::empty(size) };
    let mut are_sums = gate[1] >= 0.0 && gate[2] >= 0.0;
    for (arm, numbers) in header.arms.iter().zip(numbers.chunks_exact(numbers_per_arm(size))) {
        let arm = read_arm(arm, size, numbers);
        are_sums &= are_of_squares(&arm);
        statistics.adopt(arm);
    }
    let mut tenants = Vec::with_capacity(header.tenants.len());
    let mut sums = of_tenants.as_chunks::<TENANT_SUMS>().0.iter();
    for (tenant, touched, arms) in &header.tenants {
        let mut differences = Vec::with_capacity(arms.len());
        for (arm, &[count, mean, linear]) in arms.iter().zip(sums.by_ref()) {
            are_sums &= count >= 0.0;
            let slot = statistics.slot(arm).ok_or(Kind::Corrupt.because("a tenant was taught on an unknown arm"))?;
            differences.push((slot, Difference { count, mean, linear }));
        }
        tenants.push((tenant.clone(), Tenant { touched: *touched, differences }));
    }
    statistics.tenants = Tenants::latest(tenants, tenant_limit);
    Kind::Corrupt.unless(are_sums, "a count or a sum of squares is negative")?;
    Ok(statistics)
}

fn read_arm(name: &str, size: usize, numbers: &[f64]) -> ArmStatistics {
    let linear = |numbers: &[f64], size| {
        let (moments, products) = numbers.split_at(triangle(size));
        LinearSums { moments: moments.to_vec(), products: products.to_vec() }
    };
    let (quality, numbers) = numbers.split_at(numbers_of_model(size));
    let (lengths, figures) = numbers.split_at(numbers_of_model(length_size(size)));
    ArmStatistics {
        quality: linear(quality, size),
        squares: figures[0],
        lengths: linear(lengths, length_size(size)),
        latency: Tally { count: figures[1], sum: figures[2] },
        latency_squares: figures[3],
        failures: Tally { count: figures[4], sum: figures[5] },
        ..ArmStatistics::empty(name.to_owned(), 0)
    }
}

/// Whether what cannot be negative is not: every count, every sum of squares, and every sum of what has no sign.
fn are_of_squares(arm: &ArmStatistics) -> bool {
    let diagonal = |sums: &LinearSums| (0..sums.products.len()).all(|row| sums.moments[triangle(row) + row] >= 0.0);
    let tallies = [arm.lengths.tally(), arm.latency, arm.failures];
    diagonal(&arm.quality)
        && diagonal(&arm.lengths)
        && arm.squares >= 0.0
        && arm.latency_squares >= 0.0
        && tallies.into_iter().all(|tally| tally.count >= 0.0 && tally.sum >= 0.0)
}

const fn numbers_of_pool(size: usize) -> usize {
    GATE_SUMS + size
}

const fn numbers_of_model(size: usize) -> usize {
    triangle(size) + size
}

const fn numbers_per_arm(size: usize) -> usize {
    numbers_of_model(size) + numbers_of_model(length_size(size)) + ARM_FIGURES
}

/// An integer from 0 to 2^63 - 1.
fn whole(value: &Value) -> Option<i64> {
    value.as_i64().filter(|number| *number >= 0)
}

fn name(value: &Value) -> Option<String> {
    value.as_str().filter(|name| !name.is_empty()).map(str::to_owned)
}

/// Names, each once and ascending.
fn names(value: &Value) -> Option<Vec<String>> {
    let names: Vec<String> = value.as_array()?.iter().map(name).collect::<Option<_>>()?;
    names.is_sorted_by(|earlier, later| earlier < later).then_some(names)
}
