//! The lesson of a decision, in the bytes that `atp_grpc/routing/feedback.py` opens a token into.
//!
//! What stands here is sealed before it leaves the process.

use super::decision::Decision;

const VERSION: u8 = 3;
const FIXED_BYTES: usize = 133;

/// The bytes of a lesson. None when a name is longer than its length can say.
#[must_use]
pub fn lesson(decision: &Decision<'_>) -> Option<Vec<u8>> {
    let (choice, offering) = (decision.choice, decision.offering(decision.chosen));
    let parts: [&[u8]; 6] = [
        decision.decision_id.as_bytes(),
        offering.model.as_bytes(),
        offering.deployment.as_bytes(),
        decision.policy.schema.as_bytes(),
        decision.policy.name.as_bytes(),
        choice.features(),
    ];
    let mut bytes = Vec::with_capacity(FIXED_BYTES + parts.iter().map(|part| part.len()).sum::<usize>());
    bytes.push(VERSION);
    for moment in [decision.decided, decision.expires] {
        bytes.extend_from_slice(&moment.to_le_bytes());
    }
    for figure in [decision.propensity(), choice.predicted_mean, choice.predicted_linear, decision.input_tokens] {
        bytes.extend_from_slice(&figure.to_le_bytes());
    }
    let [prices @ .., cache_write] = offering.prices;
    let revisions = [decision.policy.version, decision.catalog, decision.learner];
    for number in prices.into_iter().chain(revisions).chain([decision.hold(), cache_write]) {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    for part in parts {
        bytes.extend_from_slice(&u16::try_from(part.len()).ok()?.to_le_bytes());
    }
    for part in parts {
        bytes.extend_from_slice(part);
    }
    Some(bytes)
}
