//! The word pieces, found by a hash that grows with the text: every beginning of a word costs one step.
//!
//! Words are cut greedily into the longest pieces (Wu et al. 2016, *Google's neural machine translation system*,
//! section 4.1). The hash is FNV-1a; whatever it says, bytes are compared, so it cannot change a result.

/// Begins the pieces that do not begin a word.
const CONTINUATION: &[u8] = b"##";
/// The hash of nothing.
pub(super) const BEGIN: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0100_0000_01b3;
/// The longest piece in bytes that a vocabulary may have, so that its beginnings fit an array.
const LONGEST: usize = 32;

/// Numbers of pieces by their bytes.
#[derive(Debug)]
pub(super) struct Vocabulary {
    text: Vec<u8>,
    /// Where each piece begins in `text`; one more than there are pieces.
    starts: Vec<u32>,
    /// Slots of an open table, a power of two at most half full: number + 1, and 16 bits of the hash.
    slots: Vec<(u16, u16)>,
    longest: usize,
}

impl Vocabulary {
    /// Builds the table; None for a piece that is empty or too long, or for too many.
    pub(super) fn new<'a>(pieces: impl Iterator<Item = &'a str>) -> Option<Self> {
        let (mut text, mut starts, mut longest) = (Vec::new(), vec![0], 0);
        for piece in pieces {
            longest = longest.max(piece.len());
            text.extend_from_slice(piece.as_bytes());
            starts.push(u32::try_from(text.len()).ok()?);
            if piece.is_empty() || piece.len() > LONGEST {
                return None;
            }
        }
        let count = u16::try_from(starts.len()).ok()? - 1;
        let slots = vec![(0, 0); (2 * usize::from(count) + 2).next_power_of_two()];
        let mut built = Self { text, starts, slots, longest };
        for number in 0..count {
            let hash = hash_of(built.piece(number));
            let mut slot = built.slot(hash);
            while built.slots[slot].0 != 0 {
                slot = (slot + 1) & (built.slots.len() - 1);
            }
            built.slots[slot] = (number + 1, mark(hash));
        }
        Some(built)
    }

    /// How many pieces there are.
    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// The piece that is the whole word, whose hash is known.
    pub(super) fn whole(&self, word: &[u8], hash: u64) -> Option<u16> {
        self.find(hash, b"", word)
    }

    /// Cuts a word into pieces; none when it cannot be cut wholly. There is room for one a character.
    pub(super) fn cut<'a>(&self, word: &[u8], room: &'a mut [u16]) -> &'a [u16] {
        let (mut rest, mut before, mut count) = (word, &b""[..], 0);
        while !rest.is_empty() {
            let Some((number, length)) = self.longest_piece(before, rest) else { return &[] };
            room[count] = number;
            count += 1;
            rest = &rest[length..];
            before = CONTINUATION;
        }
        &room[..count]
    }

    /// The longest piece that is `before` and a beginning of `rest`, and the length of that beginning.
    fn longest_piece(&self, before: &[u8], rest: &[u8]) -> Option<(u16, usize)> {
        let mut hashes = [0; LONGEST];
        let mut hash = hash_of(before);
        let length = rest.len().min(self.longest - before.len().min(self.longest));
        for (kept, byte) in hashes.iter_mut().zip(&rest[..length]) {
            hash = extend(hash, *byte);
            *kept = hash;
        }
        (1..=length).rev().find_map(|end| {
            let number = self.find(hashes[end - 1], before, &rest[..end])?;
            Some((number, end))
        })
    }

    fn find(&self, hash: u64, before: &[u8], after: &[u8]) -> Option<u16> {
        let mut slot = self.slot(hash);
        loop {
            let (number, kept) = self.slots[slot];
            if number == 0 {
                return None;
            }
            if kept == mark(hash) {
                let number = number - 1;
                // Byte by byte: pieces are short, and the C library's comparison cost more than all the rest.
                if self.piece(number).iter().eq(before.iter().chain(after)) {
                    return Some(number);
                }
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
    }

    fn piece(&self, number: u16) -> &[u8] {
        let number = usize::from(number);
        &self.text[self.starts[number] as usize..self.starts[number + 1] as usize]
    }

    fn slot(&self, hash: u64) -> usize {
        #[allow(clippy::cast_possible_truncation, reason = "the mask takes the low bits only")]
        let low = (hash ^ hash >> 32) as usize;
        low & (self.slots.len() - 1)
    }
}

/// The hash of one byte more.
pub(super) const fn extend(hash: u64, byte: u8) -> u64 {
    (hash ^ byte as u64).wrapping_mul(PRIME)
}

fn hash_of(bytes: &[u8]) -> u64 {
    bytes.iter().fold(BEGIN, |hash, byte| extend(hash, *byte))
}

#[allow(clippy::cast_possible_truncation, reason = "sixteen bits are what a slot has room for")]
const fn mark(hash: u64) -> u16 {
    (hash >> 48) as u16
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition: from every place the longest piece that fits, and nothing when none fits.
    fn cut_by_definition(pieces: &[String], word: &str) -> Vec<u16> {
        let (mut numbers, mut start) = (Vec::new(), 0);
        while start < word.len() {
            let mark = if start == 0 { "" } else { "##" };
            let fits = |end: &usize| word.is_char_boundary(*end);
            let found = (start + 1..=word.len()).rev().filter(fits).find_map(|end| {
                let wanted = format!("{mark}{}", &word[start..end]);
                Some((pieces.iter().position(|piece| *piece == wanted)?, end))
            });
            let Some((number, end)) = found else { return Vec::new() };
            numbers.push(u16::try_from(number).expect("a small vocabulary"));
            start = end;
        }
        numbers
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn words_are_cut_as_the_definition_says(
            pieces in prop::collection::btree_set("(##)?[abé]{1,4}", 1..30),
            words in prop::collection::vec("[abé]{1,12}", 1..20),
        ) {
            let pieces: Vec<String> = pieces.into_iter().collect();
            let vocabulary = Vocabulary::new(pieces.iter().map(String::as_str)).expect("short pieces");
            for word in words {
                let expected = cut_by_definition(&pieces, &word);
                let mut room = [0; 12];
                prop_assert_eq!(vocabulary.cut(word.as_bytes(), &mut room), &expected[..]);
                let whole = vocabulary.whole(word.as_bytes(), hash_of(word.as_bytes()));
                prop_assert_eq!(whole.map(|number| vec![number]), (expected.len() == 1).then_some(expected));
            }
        }
    }

    #[test]
    fn a_piece_that_is_empty_or_too_long_is_refused() {
        assert!(Vocabulary::new(["a", ""].into_iter()).is_none());
        assert!(Vocabulary::new(["x".repeat(LONGEST + 1).as_str()].into_iter()).is_none());
        assert_eq!(Vocabulary::new(["a", "##b"].into_iter()).map(|vocabulary| vocabulary.len()), Some(2));
    }
}
