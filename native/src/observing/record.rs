//! An observation, in the bytes that `atp_grpc/store/observation_codec.py` describes.

use super::lesson::Lesson;
use crate::wire::report::{Attempt, Report};

const MARK: &[u8] = b"O\x03";
const ROOM: usize = 336;

/// The record of an observation. None when a text or a list is longer than its length can say.
#[must_use]
pub fn record(observed: i64, lesson: &Lesson<'_>, recorded: &Report<'_>, standing: &Report<'_>) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(ROOM + lesson.features.len());
    bytes.extend_from_slice(MARK);
    for moment in [observed, lesson.decided, lesson.expires] {
        bytes.extend_from_slice(&moment.to_le_bytes());
    }
    for figure in lesson.figures {
        bytes.extend_from_slice(&figure.to_le_bytes());
    }
    let [prices @ .., cache_write] = lesson.prices;
    for number in prices.into_iter().chain(lesson.revisions) {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.extend_from_slice(&u32::try_from(lesson.features.len()).ok()?.to_le_bytes());
    bytes.extend_from_slice(&lesson.hold.to_le_bytes());
    bytes.extend_from_slice(&cache_write.to_le_bytes());
    bytes.extend_from_slice(lesson.features);
    for name in [lesson.model, lesson.deployment, lesson.policy, lesson.schema] {
        text(&mut bytes, name)?;
    }
    report(&mut bytes, recorded)?;
    report(&mut bytes, standing)?;
    Some(bytes)
}

fn report(bytes: &mut Vec<u8>, report: &Report<'_>) -> Option<()> {
    bytes.push(report.quality.is_some().into());
    bytes.push(u8::try_from(report.attempts.len()).ok()?);
    bytes.extend_from_slice(&u16::try_from(report.labels.len()).ok()?.to_le_bytes());
    bytes.extend_from_slice(&report.quality.unwrap_or(0.0).to_le_bytes());
    for made in &report.attempts {
        attempt(bytes, made)?;
    }
    for (key, value) in &report.labels {
        text(bytes, key)?;
        text(bytes, value)?;
    }
    Some(())
}

fn attempt(bytes: &mut Vec<u8>, attempt: &Attempt<'_>) -> Option<()> {
    let [tokens @ .., written] = attempt.tokens;
    let numbers = tokens.into_iter().chain([attempt.cost]);
    let mut known = u8::from(attempt.latency.is_some()) << 5 | u8::from(written.is_some()) << 6;
    for (bit, number) in numbers.clone().enumerate() {
        known |= u8::from(number.is_some()) << bit;
    }
    bytes.extend_from_slice(&[known, attempt.error]);
    for number in numbers {
        bytes.extend_from_slice(&number.unwrap_or(0).to_le_bytes());
    }
    bytes.extend_from_slice(&attempt.latency.unwrap_or(0.0).to_le_bytes());
    bytes.extend_from_slice(&written.unwrap_or(0).to_le_bytes());
    text(bytes, attempt.model)?;
    text(bytes, attempt.deployment)
}

fn text(bytes: &mut Vec<u8>, text: &str) -> Option<()> {
    bytes.extend_from_slice(&u16::try_from(text.len()).ok()?.to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
    Some(())
}
