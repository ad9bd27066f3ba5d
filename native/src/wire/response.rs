//! A `RouteResponse`, written from a decision that was written down.
//!
//! The fallbacks are chosen here, by the rule of `atp_grpc/routing/fallbacks.py`. It never seals and never decides.

use super::writing::Message;
use crate::choice::{Choice, Figure};
use crate::scribe::decision::{Decision, reason_codes, whole_cost};

const MAX_FALLBACKS: usize = 3;
const NANOS_PER_SECOND: i64 = 1_000_000_000;
/// What a reply takes beside its token, about.
const USUAL_BYTES: usize = 512;

/// The bytes of a `RouteResponse`.
#[must_use]
pub fn response(decision: &Decision<'_>, token: &[u8]) -> Vec<u8> {
    let (choice, policy) = (decision.choice, decision.policy);
    let mut reply = Message::with_capacity(USUAL_BYTES + token.len());
    reply.text(1, decision.decision_id);
    reply.text(2, token);
    reply.written(3, &decision.offering(decision.chosen).target);
    reply.message(4, |message| expectation(message, choice, decision.chosen));
    reply.double(5, decision.propensity());
    for position in fallbacks(decision) {
        reply.message(6, |message| {
            message.written(1, &decision.offering(position).target);
            message.message(2, |message| expectation(message, choice, position));
        });
    }
    reply.text(7, &policy.name);
    reply.int(8, policy.version);
    reply.int(9, decision.catalog);
    reply.int(10, decision.learner);
    // Packed; each of the numbers is its own varint.
    reply.text(11, reason_codes(decision));
    reply.text(12, decision.engine);
    reply.message(13, |message| moment(message, decision.decided));
    reply.message(14, |message| moment(message, decision.expires));
    let [cost_price, quality_price] = decision.dual_prices;
    if cost_price != 0.0 || quality_price != 0.0 {
        reply.message(15, |message| {
            message.double(1, cost_price);
            message.double(2, quality_price);
        });
    }
    reply.into_bytes()
}

/// One answer of a batch.
#[derive(Debug)]
pub enum Answer {
    /// The bytes of a `RouteResponse`.
    Response(Vec<u8>),
    /// The bytes of a `google.rpc.Status`.
    Error(Vec<u8>),
}

/// The bytes of a `RouteBatchResponse`.
#[must_use]
pub fn batch(answers: &[Answer]) -> Vec<u8> {
    let room = answers.iter().map(|answer| answer.parts().1.len() + 8).sum();
    let mut reply = Message::with_capacity(room);
    for answer in answers {
        let (number, bytes) = answer.parts();
        let mut result = Message::with_capacity(bytes.len() + 4);
        result.written(number, bytes);
        reply.written(1, &result.into_bytes());
    }
    reply.into_bytes()
}

impl Answer {
    fn parts(&self) -> (u32, &[u8]) {
        match self {
            Self::Response(bytes) => (1, bytes),
            Self::Error(bytes) => (2, bytes),
        }
    }
}

fn expectation(message: &mut Message, choice: &Choice, position: usize) {
    message.double(1, choice.figure(Figure::Quality)[position]);
    message.int(2, whole_cost(choice.figure(Figure::Cost)[position]));
    #[allow(clippy::cast_possible_truncation, reason = "saturates, as it should")]
    let nanos = (choice.figure(Figure::Latency)[position] * 1e9).round_ties_even() as i64;
    message.message(3, |message| moment(message, nanos.max(0)));
    message.double(4, choice.figure(Figure::FailureRate)[position]);
}

/// Seconds and nanoseconds, of a moment or of a span.
fn moment(message: &mut Message, nanos: i64) {
    message.int(1, nanos / NANOS_PER_SECOND);
    message.int(2, nanos % NANOS_PER_SECOND);
}

/// Positions of the best other candidates: highest utility first, then the cheaper, then by name.
fn fallbacks(decision: &Decision<'_>) -> Vec<usize> {
    let choice = decision.choice;
    let (utilities, costs) = (choice.figure(Figure::Utility), choice.figure(Figure::Cost));
    let shares = choice.figure(Figure::Propensity);
    let mut others: Vec<usize> =
        (0..shares.len()).filter(|position| *position != decision.chosen && shares[*position] > 0.0).collect();
    others.sort_by(|&a, &b| {
        utilities[b]
            .partial_cmp(&utilities[a])
            .unwrap_or(std::cmp::Ordering::Equal)
            .then_with(|| whole_cost(costs[a]).cmp(&whole_cost(costs[b])))
            .then_with(|| decision.offering(a).model.cmp(&decision.offering(b).model))
    });
    others.truncate(MAX_FALLBACKS);
    others
}
