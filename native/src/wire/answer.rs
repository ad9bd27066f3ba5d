//! The replies of Ask: whole answers, and the events of a stream that nearly all of one are.
//!
//! `atp_grpc/services/ask_wire` says what is promised and defines it.

use super::writing::Message;

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// Tokens by class, in the order of the contract; what is unknown is not said.
pub type Tokens = [Option<i64>; 5];

/// Model, deployment and provider.
pub type Target<'a> = [&'a str; 3];

/// A call to one deployment, with its bill.
#[derive(Clone, Debug)]
pub struct Attempt<'a> {
    /// Who was called.
    pub target: Target<'a>,
    /// Number of the `AttemptError`.
    pub error: i64,
    /// Tokens used.
    pub tokens: Tokens,
    /// What it cost, nano-US-dollars.
    pub cost: i64,
    /// Seconds from the call to its end.
    pub seconds: f64,
    /// Whether tokens were counted here.
    pub is_estimated: bool,
}

/// The end of an answer.
#[derive(Clone, Debug)]
pub struct Final<'a> {
    /// Who answered.
    pub target: Target<'a>,
    /// Number of the `FinishReason`.
    pub finish_reason: i64,
    /// Tokens of the attempt that answered.
    pub tokens: Tokens,
    /// Every attempt, in order.
    pub attempts: Vec<Attempt<'a>>,
    /// What they cost together, nano-US-dollars.
    pub cost: i64,
    /// What the answer was expected to cost, nano-US-dollars.
    pub expected_cost: i64,
    /// Whether any of the cost is an estimate.
    pub is_estimated: bool,
    /// Seconds in the queue, to decide, to the first token, and in all.
    pub latency: [f64; 4],
    /// Number of the `CacheOutcome`.
    pub cache: i64,
    /// The provider's own name of the model; may be empty.
    pub revision: &'a str,
    /// How sure the model was.
    pub confidence: Option<f64>,
}

impl Final<'_> {
    /// Appends the fields of a `Final`.
    pub fn write(&self, message: &mut Message) {
        message.message(1, |inner| target(inner, &self.target));
        message.int(2, self.finish_reason);
        message.message(3, |inner| tokens(inner, &self.tokens));
        message.int(4, self.cost);
        message.int(5, self.expected_cost);
        message.int(6, self.is_estimated.into());
        for attempt in &self.attempts {
            message.message(7, |inner| attempt.write(inner));
        }
        message.message(8, |inner| {
            for (number, seconds) in (1..).zip(self.latency) {
                inner.message(number, |span| duration(span, seconds));
            }
        });
        message.int(9, self.cache);
        message.text(10, self.revision);
        if let Some(confidence) = self.confidence {
            message.present_double(11, confidence);
        }
    }
}

impl Attempt<'_> {
    fn write(&self, message: &mut Message) {
        message.message(1, |inner| target(inner, &self.target));
        message.int(2, self.error);
        message.message(3, |inner| tokens(inner, &self.tokens));
        message.int(4, self.cost);
        message.message(5, |span| duration(span, self.seconds));
        message.int(6, self.is_estimated.into());
    }
}

/// The bytes of an `AskStreamResponse` with more of the text.
#[must_use]
pub fn delta(sequence: i64, text: &str, total_characters: i64) -> Vec<u8> {
    let mut message = Message::with_capacity(text.len() + 24);
    message.int(1, sequence);
    message.message(3, |inner| {
        // Also an empty text says which kind of piece it is.
        inner.written(1, text.as_bytes());
        inner.int(3, total_characters);
    });
    message.into_bytes()
}

/// The bytes of an `AskStreamResponse` with the end.
#[must_use]
pub fn end(sequence: i64, end: &Final<'_>) -> Vec<u8> {
    let mut message = Message::with_capacity(256);
    message.int(1, sequence);
    message.message(6, |inner| end.write(inner));
    message.into_bytes()
}

/// The bytes of an `AskResponse` with no tool calls; `decision` is a `RouteResponse` as it was written, or empty.
#[must_use]
pub fn whole(decision: &[u8], text: &str, end: &Final<'_>) -> Vec<u8> {
    let mut message = Message::with_capacity(decision.len() + text.len() + 280);
    message.text(1, decision);
    message.text(2, text);
    message.message(4, |inner| end.write(inner));
    message.into_bytes()
}

fn target(message: &mut Message, names: &Target<'_>) {
    for (number, name) in (1..).zip(names) {
        message.text(number, name);
    }
}

fn tokens(message: &mut Message, tokens: &Tokens) {
    for (number, count) in (1..).zip(tokens) {
        if let Some(count) = count {
            message.present_int(number, *count);
        }
    }
}

/// A `Duration`, not below zero.
fn duration(message: &mut Message, seconds: f64) {
    #[allow(clippy::cast_possible_truncation, reason = "saturates, as it should")]
    let nanos = ((seconds * 1e9).round_ties_even() as i64).max(0);
    message.int(1, nanos / NANOS_PER_SECOND);
    message.int(2, nanos % NANOS_PER_SECOND);
}
