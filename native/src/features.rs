//! The built-in feature schema `flags.v1`: fifteen cheap marks of a text, all in 0..1.
//!
//! One pass over the bytes, one automaton for all words. The word lists are those of `flags.json`, the same file as the
//! reference engine's. It never keeps the text.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use serde_json::Value;

/// Name of the schema.
pub const SCHEMA: &str = "flags.v1";
/// Features of the schema.
pub const DIMENSION: usize = 15;

const LISTS: [&str; 3] = ["code_words", "math_words", "writing_words"];

// What a byte can be; one byte may be several.
const SPACE: u8 = 1;
const DIGIT: u8 = 2;
const UPPER: u8 = 4;
const LETTER: u8 = 8;
const CODE_MARK: u8 = 16;
const MATH_MARK: u8 = 32;
const CONTINUATION: u8 = 64;
const CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        #[allow(clippy::cast_possible_truncation, reason = "the index is below 256")]
        let value = byte as u8;
        classes[byte] = match value {
            b' ' | b'\t'..=b'\r' => SPACE,
            b'0'..=b'9' => DIGIT,
            b'A'..=b'Z' => UPPER | LETTER,
            b'a'..=b'z' => LETTER,
            b'{' | b'}' | b'(' | b')' | b';' | b'<' | b'>' | b'[' | b']' | b'_' | b'`' | b'#' => CODE_MARK,
            b'+' | b'-' | b'*' | b'/' | b'^' | b'%' | b'$' | b'\\' => MATH_MARK,
            b'=' => CODE_MARK | MATH_MARK,
            0x80..=0xBF => CONTINUATION,
            _ => 0,
        };
        byte += 1;
    }
    classes
}

/// Computes `flags.v1`.
#[derive(Debug)]
pub struct FlagExtractor {
    words: AhoCorasick,
    /// Which list each word is of.
    list_of: Vec<u8>,
}

impl FlagExtractor {
    /// Builds the automaton from the word lists compiled in.
    ///
    /// # Panics
    /// Never: the lists are part of the program, and a test reads them.
    #[must_use]
    pub fn new() -> Self {
        let lists: Value = serde_json::from_str(include_str!("flags.json")).expect("flags.json is JSON");
        let mut words = Vec::new();
        let mut list_of = Vec::new();
        for (list, key) in (0..).zip(LISTS) {
            for word in lists[key].as_array().expect("every list is there") {
                words.push(word.as_str().expect("a word is text").to_owned());
                list_of.push(list);
            }
        }
        let words = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::DFA))
            .match_kind(MatchKind::Standard)
            .ascii_case_insensitive(true)
            .build(&words)
            .expect("a few short words fit an automaton");
        Self { words, list_of }
    }

    /// The fifteen features, packed little-endian float32.
    #[must_use]
    pub fn extract(&self, text: &str) -> [[u8; 4]; DIMENSION] {
        let marks = Marks::count(text.as_bytes());
        let [code_words, math_words, writing_words] = self.distinct_words(text);
        let characters = marks.bytes - marks.continuations;
        let length = characters.max(1) as f64;
        let share = |factor: f64, count: usize, of: f64| (factor * count as f64 / of).min(1.0);
        let word_length = (characters - marks.spaces) as f64 / marks.words.max(1) as f64 / 12.0;
        let features: [f64; DIMENSION] = [
            logarithmic(characters, 8192),
            logarithmic(marks.words, 2048),
            word_length.min(1.0),
            share(4.0, marks.digits, length),
            share(4.0, marks.upper, marks.letters.max(1) as f64),
            marks.non_ascii as f64 / length,
            logarithmic(marks.newlines, 64),
            f64::from(u8::from(marks.question)),
            share(8.0, marks.code, length),
            f64::from(code_words.min(1)),
            share(8.0, marks.math, length),
            (f64::from(math_words) / 3.0).min(1.0),
            (marks.options as f64 / 4.0).min(1.0),
            logarithmic(marks.list, 16),
            (f64::from(writing_words) / 3.0).min(1.0),
        ];
        #[allow(clippy::cast_possible_truncation, reason = "rounding to float32 is the schema")]
        features.map(|feature| (feature as f32).to_le_bytes())
    }

    /// How many different words of each list the text contains.
    fn distinct_words(&self, text: &str) -> [u32; 3] {
        let mut seen = 0_u64;
        for found in self.words.find_overlapping_iter(text) {
            seen |= 1 << found.pattern().as_usize();
        }
        let mut counts = [0; 3];
        for (word, list) in self.list_of.iter().enumerate() {
            counts[usize::from(*list)] += u32::from(seen >> word & 1 == 1);
        }
        counts
    }
}

impl Default for FlagExtractor {
    fn default() -> Self {
        Self::new()
    }
}

/// What is counted of the bytes of a text; `code`, `math` and `list` are marks.
#[derive(Debug, Default)]
struct Marks {
    bytes: usize,
    continuations: usize,
    non_ascii: usize,
    spaces: usize,
    words: usize,
    digits: usize,
    upper: usize,
    letters: usize,
    newlines: usize,
    question: bool,
    code: usize,
    math: usize,
    options: usize,
    list: usize,
}

impl Marks {
    fn count(bytes: &[u8]) -> Self {
        let mut marks = Self { bytes: bytes.len(), ..Self::default() };
        marks.count_line_start(bytes);
        let mut before = SPACE;
        for (position, byte) in bytes.iter().enumerate() {
            let class = CLASSES[usize::from(*byte)];
            let is = |mask: u8| usize::from(class & mask != 0);
            marks.continuations += is(CONTINUATION);
            marks.spaces += is(SPACE);
            marks.words += usize::from(before & SPACE != 0) & usize::from(class & SPACE == 0);
            marks.digits += is(DIGIT);
            marks.upper += is(UPPER);
            marks.letters += is(LETTER);
            marks.code += is(CODE_MARK);
            marks.math += is(MATH_MARK);
            marks.non_ascii += usize::from(*byte >= 0xC0);
            marks.question |= *byte == b'?';
            before = class;
            if *byte == b'\n' {
                marks.newlines += 1;
                marks.count_line_start(&bytes[position + 1..]);
            }
        }
        marks
    }

    /// Judges how a line begins; `rest` is the text from its first byte on.
    fn count_line_start(&mut self, rest: &[u8]) {
        let indent = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let rest = &rest[indent..];
        let after_mark = match rest {
            [b'(', letter, b')', after @ ..] | [letter, b'.' | b')', after @ ..] if letter.is_ascii_alphabetic() => {
                Some(after)
            }
            _ => None,
        };
        let ends = |after: &[u8]| after.first().is_none_or(|byte| CLASSES[usize::from(*byte)] == SPACE);
        self.options += usize::from(after_mark.is_some_and(ends));
        let is_list = match rest {
            [b'-' | b'*', b' ', ..] | [b'#' | b'|' | b'>', ..] => true,
            [b'0'..=b'9', ..] => {
                let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
                matches!(rest.get(digits), Some(b'.' | b')'))
            }
            _ => false,
        };
        self.list += usize::from(is_list);
    }
}

/// Grows like the logarithm of the count and reaches 1 at `full`.
fn logarithmic(count: usize, full: u32) -> f64 {
    (libm::log((1 + count) as f64) / libm::log(f64::from(1 + full))).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(text: &str) -> Vec<f32> {
        let packed = FlagExtractor::new().extract(text);
        packed.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
    }

    #[test]
    fn the_empty_text_has_no_marks() {
        assert_eq!(features(""), vec![0.0; DIMENSION]);
    }

    #[test]
    fn overlapping_words_are_all_found() {
        // "rewrite" contains "write"; both count.
        assert_eq!(features("please REWRITE this")[14].to_bits(), (2.0_f32 / 3.0).to_bits());
    }

    #[test]
    fn there_are_few_enough_words_to_remember_them_in_one_integer() {
        assert!(FlagExtractor::new().list_of.len() <= 64);
    }

    #[test]
    fn an_option_needs_white_space_or_the_end_behind_it() {
        assert_eq!(features("(A) one\n B. two\nc)")[12], 0.75);
        assert_eq!(features("(A)one\nB.two")[12], 0.0);
    }
}
