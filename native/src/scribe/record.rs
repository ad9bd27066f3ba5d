//! The record of a decision, in exactly the bytes that `atp_grpc/store/decision_layout.py` lays out.
//!
//! That page is the layout's home; a change there is a change here.

use super::decision::{Decision, reason_codes, whole_cost};
use crate::choice::{Exclusion, Figure};

const MARK: [u8; 2] = *b"D\x03";
const HEADER_BYTES: usize = 206;
const NOBODY: u16 = 0xffff;
const TEXT_BYTES: usize = 256;

/// The bytes of a record. None when something is longer than its length can say.
#[must_use]
pub fn record(decision: &Decision<'_>) -> Option<Vec<u8>> {
    let (choice, chosen) = (decision.choice, decision.offering(decision.chosen));
    let count = choice.count();
    let codes = reason_codes(decision);
    let names: usize = (0..count).map(|position| decision.offering(position).texts.len()).sum();
    let labels: usize = decision.labels.iter().map(|(key, text)| key.len() + text.len() + 4).sum();
    let room =
        HEADER_BYTES + TEXT_BYTES + count * 49 + choice.features().len() + names + labels + decision.refusals.len();
    let mut bytes = Vec::with_capacity(room);
    bytes.extend_from_slice(&MARK);
    bytes.extend_from_slice(&u16::try_from(count).ok()?.to_le_bytes());
    bytes.extend_from_slice(&u16::try_from(decision.chosen).ok()?.to_le_bytes());
    bytes.push(u8::try_from(codes.len()).ok()?);
    bytes.push(u8::try_from(decision.labels.len()).ok()?);
    bytes.extend_from_slice(&u32::try_from(choice.features().len()).ok()?.to_le_bytes());
    bytes.extend_from_slice(&decision.decided.to_le_bytes());
    bytes.extend_from_slice(&decision.expires.to_le_bytes());
    bytes.extend_from_slice(&decision.seed.to_le_bytes());
    let predictions = [decision.propensity(), choice.predicted_mean, choice.predicted_linear, decision.input_tokens];
    push_floats(&mut bytes, predictions.iter().chain(&decision.weights));
    let [prices @ .., cache_write] = chosen.prices;
    let revisions = [decision.policy.version, decision.catalog, decision.learner];
    for number in prices.into_iter().chain(revisions).chain([decision.hold()]) {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    push_floats(&mut bytes, &decision.dual_prices);
    bytes.extend_from_slice(&cache_write.to_le_bytes());
    push_floats(&mut bytes, decision.policy.scales.iter().chain([&decision.favour]));
    let favoured =
        decision.favoured.filter(|position| *position < count).and_then(|position| u16::try_from(position).ok());
    bytes.extend_from_slice(&favoured.unwrap_or(NOBODY).to_le_bytes());
    for length in [names, decision.refusals.len()] {
        bytes.extend_from_slice(&u32::try_from(length).ok()?.to_le_bytes());
    }
    push_floats(&mut bytes, choice.figure(Figure::Quality));
    for cost in choice.figure(Figure::Cost) {
        bytes.extend_from_slice(&whole_cost(*cost).to_le_bytes());
    }
    for figure in [Figure::Latency, Figure::FailureRate, Figure::Utility, Figure::Propensity] {
        push_floats(&mut bytes, choice.figure(figure));
    }
    bytes.extend_from_slice(choice.features());
    bytes.extend_from_slice(&codes);
    for text in [
        decision.tenant,
        decision.decision_id,
        &decision.policy.name,
        &decision.policy.schema,
        &chosen.model,
        &chosen.deployment,
        decision.engine,
        decision.task_type,
        decision.session_id,
    ] {
        push_text(&mut bytes, text)?;
    }
    for position in 0..count {
        bytes.extend_from_slice(&decision.offering(position).texts);
    }
    for (key, text) in decision.labels {
        push_text(&mut bytes, key)?;
        push_text(&mut bytes, text)?;
    }
    let causes_at = bytes.len();
    bytes.resize(causes_at + count, 0);
    for (position, exclusion) in &choice.exclusions {
        bytes[causes_at + position] = cause(*exclusion, decision.is_short_of_money);
    }
    bytes.extend_from_slice(decision.refusals);
    Some(bytes)
}

/// Why a candidate was set aside, by its number in `atp.v1.RefusalCause`.
const fn cause(exclusion: Exclusion, is_short_of_money: bool) -> u8 {
    match exclusion {
        Exclusion::MaxCost if is_short_of_money => 15,
        Exclusion::MaxCost => 12,
        Exclusion::QualityFloor => 13,
        Exclusion::LatencySlo => 14,
    }
}

/// Appends a text with its length. None when it is too long.
pub(super) fn push_text(bytes: &mut Vec<u8>, text: &str) -> Option<()> {
    bytes.extend_from_slice(&u16::try_from(text.len()).ok()?.to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
    Some(())
}

fn push_floats<'a>(bytes: &mut Vec<u8>, values: impl IntoIterator<Item = &'a f64>) {
    for value in values {
        bytes.extend_from_slice(&value.to_le_bytes());
    }
}
