//! An `ObserveRequest`, read and judged by the rules that stand beside its fields in the contract.
//!
//! Whatever is not plainly valid gives `None`, and the reference judges it. It never looks into a token.

use super::fields::{Fields, Value};
use super::request::{MAX_ID, has_distinct_keys, label, word};

const MAX_TOKEN_BYTES: usize = 16 * 1024;
const MAX_ATTEMPTS: usize = 16;
const MAX_NAME: usize = 128;
const MAX_ERROR: u64 = 7;
const MAX_TOKENS: i64 = 1_000_000_000;
const MAX_COST: i64 = 1_000_000_000_000_000;
const MAX_SECONDS: i64 = 86_400;
const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// How a report names its decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named<'a> {
    /// By the token that came with it.
    Token(&'a [u8]),
    /// By its id.
    Id(&'a str),
}

/// One call to one deployment. An unknown number is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Attempt<'a> {
    /// The model that was called.
    pub model: &'a str,
    /// The deployment; may be empty.
    pub deployment: &'a str,
    /// What went wrong: a number of `atp.v1.AttemptError`, 0 when nothing did.
    pub error: u8,
    /// Input, cached input, output and reasoning tokens, and those written to the provider's cache.
    pub tokens: [Option<i64>; 5],
    /// The bill, nano-US-dollars.
    pub cost: Option<i64>,
    /// Seconds to the whole answer.
    pub latency: Option<f64>,
}

/// What a report says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report<'a> {
    /// How good the answer was.
    pub quality: Option<f64>,
    /// The calls that were made, in order.
    pub attempts: Vec<Attempt<'a>>,
    /// The caller's own labels, in the order they came in.
    pub labels: Vec<(&'a str, &'a str)>,
}

/// The report in the bytes of an `ObserveRequest`, if it is plainly valid, and how it names its decision.
#[must_use]
pub fn read(message: &[u8]) -> Option<(Named<'_>, Report<'_>)> {
    let (mut named, mut report) = (None, Report::default());
    for field in Fields::of(message) {
        // Whatever comes twice would have to be merged or to win over the first: not plain.
        match field? {
            (1 | 2, _) if named.is_some() => return None,
            (1, value) => named = Some(Named::Token(token(value)?)),
            (2, value) => named = Some(Named::Id(word(value, MAX_ID).filter(|id| !id.is_empty())?)),
            (3, Value::Fixed64(bits)) if report.quality.is_none() => report.quality = Some(quality(bits)?),
            (3, _) => return None,
            (4, value) => report.attempts.push(attempt(value.bytes()?)?),
            (5, value) => report.labels.push(label(value.bytes()?)?),
            _ => {}
        }
    }
    let is_plain = report.attempts.len() <= MAX_ATTEMPTS && has_distinct_keys(&report.labels);
    is_plain.then_some((named?, report))
}

fn token(value: Value<'_>) -> Option<&[u8]> {
    value.bytes().filter(|token| (1..=MAX_TOKEN_BYTES).contains(&token.len()))
}

fn quality(bits: [u8; 8]) -> Option<f64> {
    Some(f64::from_le_bytes(bits)).filter(|quality| (0.0..=1.0).contains(quality))
}

fn attempt(message: &[u8]) -> Option<Attempt<'_>> {
    let (mut attempt, mut seen) = (Attempt::default(), 0_u8);
    for field in Fields::of(message) {
        let (number, value) = field?;
        if let 1..=6 = number {
            if seen & 1 << number != 0 {
                return None;
            }
            seen |= 1 << number;
        }
        match (number, value) {
            (1, name) => attempt.model = word(name, MAX_NAME)?,
            (2, name) => attempt.deployment = word(name, MAX_NAME)?,
            (3, Value::Varint(error @ 0..=MAX_ERROR)) => attempt.error = u8::try_from(error).ok()?,
            (4, usage) => attempt.tokens = tokens(usage.bytes()?)?,
            (5, cost) => attempt.cost = Some(count(cost, MAX_COST)?),
            (6, latency) => attempt.latency = Some(seconds(latency.bytes()?)?),
            (3, _) => return None,
            _ => {}
        }
    }
    (!attempt.model.is_empty()).then_some(attempt)
}

fn tokens(message: &[u8]) -> Option<[Option<i64>; 5]> {
    let mut tokens = [None; 5];
    for field in Fields::of(message) {
        if let (number @ 1..=5, value) = field? {
            let place = &mut tokens[number as usize - 1];
            if place.is_some() {
                return None;
            }
            *place = Some(count(value, MAX_TOKENS)?);
        }
    }
    Some(tokens)
}

/// A `Duration` of at most a day.
fn seconds(message: &[u8]) -> Option<f64> {
    let (mut seconds, mut nanos) = (None, None);
    for field in Fields::of(message) {
        match field? {
            (1, value) if seconds.is_none() => seconds = Some(count(value, MAX_SECONDS)?),
            (2, value) if nanos.is_none() => nanos = Some(count(value, NANOS_PER_SECOND - 1)?),
            (1 | 2, _) => return None,
            _ => {}
        }
    }
    let (seconds, nanos) = (seconds.unwrap_or(0), nanos.unwrap_or(0));
    (seconds < MAX_SECONDS || nanos == 0).then_some(seconds as f64 + nanos as f64 / NANOS_PER_SECOND as f64)
}

fn count(value: Value<'_>, most: i64) -> Option<i64> {
    value.int64().filter(|count| (0..=most).contains(count))
}
