//! An `AskRequest`, read and judged by the rules that stand beside its fields in the contract.
//!
//! What has tools, pictures or a shape for its answer is left to the reference, and so is everything that is not plainly
//! valid. Constraints, objective and sampling stay the bytes they came in, as in a `RouteRequest`.

use std::borrow::Cow;

use super::fields::Fields;
use super::request::{
    Input, MAX_SESSION, MAX_TOKENS, MAX_TURNS, MAX_WORD, Request, has_distinct_keys, is_id, label, turn, word,
};

/// Most UTF-8 that a request may carry.
pub const MAX_TEXT_BYTES: usize = 1024 * 1024;
/// The number of `ROLE_USER`: who speaks a prompt.
const USER: u64 = 2;
const MOST_ENUM: u64 = 3;
const LABELS: u32 = 16;
const LAST: u32 = 17;

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn<'a> {
    /// Number of the role of who speaks.
    pub role: u64,
    /// What is said, in order.
    pub texts: Vec<&'a str>,
}

/// A request that breaks no rule and holds nothing but texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask<'a> {
    /// Makes the call idempotent; may be empty.
    pub request_id: &'a str,
    /// A prompt is one turn.
    pub turns: Vec<Turn<'a>>,
    /// The bytes of `Sampling`, not judged.
    pub sampling: Option<&'a [u8]>,
    /// Number of the `OnCut`.
    pub on_cut: u64,
    /// Number of the `CacheUse`.
    pub cache: u64,
    /// What the decision is made from; without an id.
    pub routing: Request<'a>,
}

impl<'a> Ask<'a> {
    /// The request in the bytes of an `AskRequest`, if it is plainly valid and of the plain kind.
    #[must_use]
    pub fn read(message: &'a [u8]) -> Option<Self> {
        let (mut turns, mut seen) = (Vec::new(), 0_u32);
        let (mut request_id, mut sampling, mut on_cut, mut cache) = ("", None, 0, 0);
        let mut routing = Request::plain();
        for field in Fields::of(message) {
            let (number, value) = field?;
            // Whatever comes twice would have to be merged or to win over the first: not plain.
            if (1..=LAST).contains(&number) && number != LABELS {
                if seen & 1 << number != 0 {
                    return None;
                }
                seen |= 1 << number;
            }
            match number {
                1 => request_id = value.text().filter(|id| is_id(id))?,
                2 | 3 if !turns.is_empty() => return None,
                2 => {
                    let prompt = value.text().filter(|text| !text.is_empty())?;
                    routing.input = Input::Text(Cow::Borrowed(prompt));
                    turns.push(Turn { role: USER, texts: vec![prompt] });
                }
                3 => {
                    turns = conversation(value.bytes()?)?;
                    routing.input = Input::Text(Cow::Owned(joined(&turns)?));
                }
                4 => routing.max_output_tokens = Some(value.int64().filter(|cap| (1..=MAX_TOKENS).contains(cap))?),
                5 => sampling = Some(value.bytes()?),
                6..=8 => return None,
                9 => on_cut = value.number().filter(|number| *number <= MOST_ENUM)?,
                10 => cache = value.number().filter(|number| *number <= MOST_ENUM)?,
                11 => routing.task_type = word(value, MAX_WORD)?,
                12 => routing.constraints = Some(value.bytes()?),
                13 => routing.objective = Some(value.bytes()?),
                14 => routing.policy = word(value, MAX_WORD)?,
                15 => routing.session_id = word(value, MAX_SESSION)?,
                LABELS => routing.labels.push(label(value.bytes()?)?),
                17 => routing.min_revision = value.int64().filter(|revision| *revision >= 0)?,
                _ => {}
            }
        }
        let is_short = routing.input.text_bytes() <= MAX_TEXT_BYTES;
        let is_plain = !turns.is_empty() && is_short && has_distinct_keys(&routing.labels);
        is_plain.then_some(Self { request_id, turns, sampling, on_cut, cache, routing })
    }

    /// The same of an `AskStreamRequest`.
    #[must_use]
    pub fn read_streamed(message: &'a [u8]) -> Option<Self> {
        let mut fields = Fields::of(message);
        let (1, value) = fields.next()?? else { return None };
        if fields.next().is_some() {
            return None;
        }
        Self::read(value.bytes()?)
    }
}

/// The turns of a conversation that ends with something said.
fn conversation(message: &[u8]) -> Option<Vec<Turn<'_>>> {
    let mut turns = Vec::new();
    for field in Fields::of(message) {
        let (1, value) = field? else { continue };
        let (role, texts) = turn(value.bytes()?)?;
        turns.push(Turn { role, texts });
    }
    let has_end = turns.last().is_some_and(|last| last.texts.iter().any(|text| !text.is_empty()));
    (has_end && turns.len() <= MAX_TURNS).then_some(turns)
}

/// Every text with line feeds between them. None when it is too long.
fn joined(turns: &[Turn<'_>]) -> Option<String> {
    let mut text = String::new();
    for (place, part) in turns.iter().flat_map(|turn| &turn.texts).enumerate() {
        if place > 0 {
            text.push('\n');
        }
        text.push_str(part);
        if text.len() > MAX_TEXT_BYTES {
            return None;
        }
    }
    Some(text)
}
