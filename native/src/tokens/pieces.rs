//! Cuts a text into the pieces that are encoded each by itself.
//!
//! The rules are the patterns that tiktoken publishes, without their look-ahead: a run of spaces before a word leaves
//! its last one to the word. Plain words, most of a text, are found without the patterns; a law says that this changes
//! nothing.

use regex_automata::meta::Regex;
use regex_automata::{Anchored, Input};

/// How an encoding cuts.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    /// Everything but spaces that stand before a word.
    pattern: &'static str,
    /// Whether a capital ends a word of small letters.
    minds_case: bool,
}

/// Spaces that are the last thing of their line, or of the text.
macro_rules! ends_of_lines {
    () => {
        r"|\s*[\r\n]+|\s+$"
    };
}

/// One letter or mark that may stand among capitals, and one that may among small letters.
macro_rules! cased_word {
    ($capitals:literal, $small:literal) => {
        concat!(
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]",
            $capitals,
            r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]",
            $small,
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        )
    };
}

pub(super) const O200K_BASE: Rules = Rules {
    pattern: concat!(
        cased_word!("*", "+"),
        "|",
        cased_word!("+", "*"),
        r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*",
        ends_of_lines!()
    ),
    minds_case: true,
};

pub(super) const CL100K_BASE: Rules = Rules {
    pattern: concat!(
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*",
        ends_of_lines!()
    ),
    minds_case: false,
};

/// The rule that only spaces before a word fall to.
const SPACES: &str = r"\s+";

/// Cuts by the rules of one encoding.
pub(super) struct Cutter {
    rules: Rules,
    regex: Regex,
}

impl Cutter {
    pub(super) fn new(rules: Rules) -> Self {
        // A pattern of ours that is none would be a defect of the build.
        let regex = Regex::new_many(&[rules.pattern, SPACES]).unwrap_or_else(|_| panic!("patterns"));
        Self { rules, regex }
    }

    /// Hands out the pieces of a text in order; together they are the text.
    pub(super) fn each<'a>(&self, text: &'a str, mut take: impl FnMut(&'a [u8])) {
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let end = match plain_word(&bytes[at..], self.rules.minds_case) {
                0 => self.end_by_rules(text, at),
                length => at + length,
            };
            take(&bytes[at..end]);
            at = end;
        }
    }

    /// Where the piece ends that begins at `at`.
    fn end_by_rules(&self, text: &str, at: usize) -> usize {
        let input = Input::new(text).range(at..).anchored(Anchored::Yes);
        // Every character is a letter, a number, a space or none of these, so some rule always fits.
        let Some(found) = self.regex.search(&input) else { return text.len() };
        let end = found.end();
        if found.pattern().as_usize() == 0 || end == text.len() {
            return end;
        }
        match text[at..end].char_indices().next_back() {
            Some((kept, _)) if kept > 0 => at + kept,
            _ => end,
        }
    }
}

/// Bytes of a word of ASCII letters, with the space before it, where nothing after it can belong to it; 0 otherwise.
#[inline]
fn plain_word(bytes: &[u8], minds_case: bool) -> usize {
    let begin = usize::from(bytes[0] == b' ');
    let mut at = begin;
    if minds_case {
        at += run(&bytes[at..], u8::is_ascii_uppercase);
        at += run(&bytes[at..], u8::is_ascii_lowercase);
    } else {
        at += run(&bytes[at..], u8::is_ascii_alphabetic);
    }
    match bytes.get(at) {
        _ if at == begin => 0,
        Some(b'\'' | 0x80..) => 0,
        _ => at,
    }
}

#[inline]
fn run(bytes: &[u8], belongs: impl Fn(&u8) -> bool) -> usize {
    bytes.iter().position(|byte| !belongs(byte)).unwrap_or(bytes.len())
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use proptest::prelude::*;

    static CUTTERS: LazyLock<[Cutter; 2]> = LazyLock::new(|| [O200K_BASE, CL100K_BASE].map(Cutter::new));

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_plain_word_is_cut_as_the_rules_cut_it(text in "([ a-cA-C'’ſéÉ1\\n\\t.~]|[a-z]{1,4}|'[sStT]|\\PC){0,12}") {
            for cutter in CUTTERS.iter() {
                let mut at = 0;
                cutter.each(&text, |piece| {
                    let end = cutter.end_by_rules(&text, at);
                    assert_eq!(piece, &text.as_bytes()[at..end]);
                    at = end;
                });
                prop_assert_eq!(at, text.len());
            }
        }
    }
}
