//! A `RouteRequest`, read and judged by the rules that stand beside its fields in the contract.
//!
//! Constraints and objective are left as the bytes they came in: requests repeat them, so the Python side reads them
//! once through the reference and remembers them. Everything else that is not plainly valid gives `None`.

use std::borrow::Cow;

use super::fields::{Fields, Value};

/// Most UTF-8 that a request may carry.
pub const MAX_TEXT_BYTES: usize = 256 * 1024;
const MAX_REQUESTS: usize = 256;
pub(super) const MAX_TURNS: usize = 1024;
const MAX_PARTS: usize = 64;
const MAX_VALUES: usize = 1024;
const MAX_VALUE: f32 = 1e6;
pub(super) const MAX_TOKENS: i64 = 100_000_000;
const MAX_LABELS: usize = 32;
const MAX_LABEL_KEY: usize = 64;
const MAX_LABEL_VALUE: usize = 256;
pub(super) const MAX_ID: usize = 64;
pub(super) const MAX_WORD: usize = 64;
pub(super) const MAX_SESSION: usize = 128;
const LABELS: u32 = 12;
const LAST: u32 = 13;
const VALUE_BYTES: usize = 4;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input<'a> {
    /// A prompt, or the parts of a conversation with line feeds between them.
    Text(Cow<'a, str>),
    /// The caller's own features.
    Vector {
        /// How they were made.
        schema: &'a str,
        /// Packed little-endian float32.
        values: Cow<'a, [u8]>,
    },
}

/// A request that breaks no rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// Makes the call idempotent; may be empty.
    pub request_id: &'a str,
    /// What is asked.
    pub input: Input<'a>,
    /// Input tokens, when the caller counted them.
    pub input_tokens: Option<i64>,
    /// Cap on output tokens.
    pub max_output_tokens: Option<i64>,
    /// The caller's word for the kind of task.
    pub task_type: &'a str,
    /// The bytes of `Constraints`, not judged.
    pub constraints: Option<&'a [u8]>,
    /// The bytes of `Objective`, not judged.
    pub objective: Option<&'a [u8]>,
    /// Routing policy by name.
    pub policy: &'a str,
    /// The caller's name of the conversation.
    pub session_id: &'a str,
    /// The caller's own labels, in the order they came in.
    pub labels: Vec<(&'a str, &'a str)>,
    /// Lowest catalogue revision to decide on.
    pub min_revision: i64,
}

impl Input<'_> {
    /// Length of the text in UTF-8, 0 for a vector.
    pub(super) fn text_bytes(&self) -> usize {
        if let Self::Text(text) = self { text.len() } else { 0 }
    }
}

impl<'a> Request<'a> {
    /// One that says nothing yet.
    pub(super) const fn plain() -> Self {
        Self {
            request_id: "",
            input: Input::Text(Cow::Borrowed("")),
            input_tokens: None,
            max_output_tokens: None,
            task_type: "",
            constraints: None,
            objective: None,
            policy: "",
            session_id: "",
            labels: Vec::new(),
            min_revision: 0,
        }
    }

    /// The request in the bytes of a `RouteRequest`, if it is plainly valid.
    #[must_use]
    pub fn read(message: &'a [u8]) -> Option<Self> {
        let (mut input, mut seen) = (None, 0_u32);
        let mut request = Self::plain();
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
                1 => request.request_id = value.text().filter(|id| is_id(id))?,
                2..=4 if input.is_some() => return None,
                2 => input = Some(prompt(value)?),
                3 => input = Some(conversation(value.bytes()?)?),
                4 => input = Some(features(value.bytes()?)?),
                5 => request.input_tokens = Some(value.int64().filter(|count| (0..=MAX_TOKENS).contains(count))?),
                6 => request.max_output_tokens = Some(value.int64().filter(|cap| (1..=MAX_TOKENS).contains(cap))?),
                7 => request.task_type = word(value, MAX_WORD)?,
                8 => request.constraints = Some(value.bytes()?),
                9 => request.objective = Some(value.bytes()?),
                10 => request.policy = word(value, MAX_WORD)?,
                11 => request.session_id = word(value, MAX_SESSION)?,
                LABELS => request.labels.push(label(value.bytes()?)?),
                13 => request.min_revision = value.int64().filter(|revision| *revision >= 0)?,
                _ => {}
            }
        }
        request.input = input?;
        has_distinct_keys(&request.labels).then_some(request)
    }
}

/// The bytes of each request of a `RouteBatchRequest`, if there are as many as there may be.
#[must_use]
pub fn split_batch(message: &[u8]) -> Option<Vec<&[u8]>> {
    let mut requests = Vec::new();
    for field in Fields::of(message) {
        if let (1, value) = field? {
            requests.push(value.bytes()?);
        }
    }
    (1..=MAX_REQUESTS).contains(&requests.len()).then_some(requests)
}

pub(super) fn word(value: Value<'_>, limit: usize) -> Option<&str> {
    value.text().filter(|text| fits(text, limit))
}

/// Whether a text has no more characters than it may.
fn fits(text: &str, limit: usize) -> bool {
    text.len() <= limit || text.chars().count() <= limit
}

pub(super) fn is_id(id: &str) -> bool {
    id.len() <= MAX_ID && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte))
}

fn prompt(value: Value<'_>) -> Option<Input<'_>> {
    let text = value.text().filter(|text| (1..=MAX_TEXT_BYTES).contains(&text.len()))?;
    Some(Input::Text(Cow::Borrowed(text)))
}

fn conversation(message: &[u8]) -> Option<Input<'_>> {
    let (mut text, mut turns, mut parts) = (String::new(), 0, 0);
    for field in Fields::of(message) {
        let (1, value) = field? else { continue };
        turns += 1;
        for part in turn(value.bytes()?)?.1 {
            if parts > 0 {
                text.push('\n');
            }
            text.push_str(part);
            parts += 1;
            if text.len() > MAX_TEXT_BYTES {
                return None;
            }
        }
    }
    (1..=MAX_TURNS).contains(&turns).then_some(Input::Text(Cow::Owned(text)))
}

/// Number of the role and the texts of one turn that holds nothing else.
pub(super) fn turn(message: &[u8]) -> Option<(u64, Vec<&str>)> {
    let (mut role, mut parts) = (None, Vec::new());
    for field in Fields::of(message) {
        match field? {
            (1, Value::Varint(speaker @ 1..=3)) if role.is_none() => role = Some(speaker),
            (1, _) => return None,
            (2, value) => parts.push(part(value.bytes()?)?),
            _ => {}
        }
    }
    let role = role?;
    (1..=MAX_PARTS).contains(&parts.len()).then_some((role, parts))
}

fn part(message: &[u8]) -> Option<&str> {
    let mut text = None;
    for field in Fields::of(message) {
        match field? {
            (1, value) if text.is_none() => text = Some(value.text()?),
            // Another text, or one of the other kinds: of those only the last counts.
            (1..=4, _) => return None,
            _ => {}
        }
    }
    text
}

fn features(message: &[u8]) -> Option<Input<'_>> {
    let (mut schema, mut values) = ("", Cow::Borrowed(&[][..]));
    for field in Fields::of(message) {
        match field? {
            (1, value) if schema.is_empty() => schema = word(value, MAX_WORD)?,
            (2, Value::Bytes(packed)) if values.is_empty() => values = Cow::Borrowed(packed),
            (2, Value::Bytes(packed)) => values.to_mut().extend_from_slice(packed),
            (2, Value::Fixed32(single)) => values.to_mut().extend_from_slice(&single),
            (1 | 2, _) => return None,
            _ => {}
        }
        // Judged at every piece, so that whole numbers stand between the pieces and memory stays small.
        if values.len() % VALUE_BYTES != 0 || values.len() > MAX_VALUES * VALUE_BYTES {
            return None;
        }
    }
    // Comparing from this side also refuses NaN, which is below nothing.
    let is_sane = |bytes: &[u8; 4]| f32::from_le_bytes(*bytes).abs() <= MAX_VALUE;
    let is_plain = !schema.is_empty() && !values.is_empty() && values.as_chunks().0.iter().all(is_sane);
    is_plain.then_some(Input::Vector { schema, values })
}

pub(super) fn label(entry: &[u8]) -> Option<(&str, &str)> {
    let (mut key, mut text) = (None, None);
    for field in Fields::of(entry) {
        match field? {
            (1, value) if key.is_none() => key = Some(word(value, MAX_LABEL_KEY)?),
            (2, value) if text.is_none() => text = Some(word(value, MAX_LABEL_VALUE)?),
            // Parsers differ on an entry with something else in it.
            _ => return None,
        }
    }
    let key = key.filter(|key| !key.is_empty())?;
    Some((key, text.unwrap_or_default()))
}

pub(super) fn has_distinct_keys(labels: &[(&str, &str)]) -> bool {
    labels.len() <= MAX_LABELS
        && labels
            .iter()
            .enumerate()
            .all(|(position, (key, _))| labels[..position].iter().all(|(other, _)| other != key))
}
