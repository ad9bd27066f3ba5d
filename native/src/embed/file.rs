//! The bytes of a table, taken apart; `atp_grpc/engine/text_table.py` describes and proves them.
//!
//! Whatever the bytes are, reading them ends in a table or in a refusal, never in a panic.

use super::folding::{Folding, Foldings};
use super::vocabulary::Vocabulary;
use super::{EMBEDDING, Row, TextTable, WORD_LIMIT};
use crate::error::{Fault, Kind};

const MAGIC: &[u8; 8] = b"ATPTEXT1";
/// So many pieces of the largest numbers still fit the sums.
const CHARACTER_LIMIT: usize = 1 << 16;
const DAMPING_LIMIT: u32 = 1 << 20;

pub(super) fn decode(bytes: &[u8]) -> Result<TextTable, Fault> {
    read(&mut { bytes }).ok_or(Kind::Engine.because("the text table is damaged"))
}

fn read(rest: &mut &[u8]) -> Option<TextTable> {
    if take(rest, MAGIC.len())? != MAGIC {
        return None;
    }
    let (character_limit, word_limit, damping) = (size(rest)?, size(rest)?, number(rest)?);
    let (count, vocabulary_size, folding_size) = (size(rest)?, size(rest)?, size(rest)?);
    if character_limit > CHARACTER_LIMIT || word_limit > WORD_LIMIT || !(1..=DAMPING_LIMIT).contains(&damping) {
        return None;
    }
    let scales = take(rest, 8 * EMBEDDING)?.as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes));
    let scales: [f64; EMBEDDING] = scales.collect::<Vec<_>>().try_into().ok()?;
    let weights = take(rest, count)?.to_vec();
    let numbers = take(rest, count.checked_mul(EMBEDDING)?)?.as_chunks::<EMBEDDING>().0;
    let rows = numbers.iter().zip(&weights).map(|(numbers, weight)| weighted(numbers, *weight)).collect();
    let pieces = text(rest, vocabulary_size)?;
    let vocabulary = Vocabulary::new(pieces.split('\n'))?;
    let lines = text(rest, folding_size)?.split('\n').map(folding).collect::<Option<Vec<_>>>()?;
    let foldings = Foldings::new(lines.into_iter())?;
    let is_whole = rest.is_empty() && vocabulary.len() == count && scales.iter().all(|scale| scale.is_finite());
    is_whole.then_some(TextTable { character_limit, word_limit, damping, scales, weights, rows, vocabulary, foldings })
}

/// A row times its weight: at most 128 times 255, which an `i16` holds.
fn weighted(numbers: &[u8; EMBEDDING], weight: u8) -> Row {
    Row(numbers.map(|number| i16::from(number.cast_signed()) * i16::from(weight)))
}

fn folding(line: &str) -> Option<Folding<'_>> {
    let (first, rest) = line.split_once(' ')?;
    let (last, text) = rest.split_once(' ')?;
    Some(Folding { first: u32::from_str_radix(first, 16).ok()?, last: u32::from_str_radix(last, 16).ok()?, text })
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(taken)
}

fn number(rest: &mut &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(take(rest, 4)?.try_into().ok()?))
}

fn size(rest: &mut &[u8]) -> Option<usize> {
    usize::try_from(number(rest)?).ok()
}

fn text<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a str> {
    str::from_utf8(take(rest, length)?).ok()
}
