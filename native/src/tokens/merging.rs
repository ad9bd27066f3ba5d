//! Byte-pair encoding of one piece: of all neighbours that make a token together, those of the lowest rank become one.
//!
//! Sennrich, Haddow and Birch (2016), section 3.2, with ranks for the order of merges, the leftmost first among equals.
//! A heap finds the next pair, so a piece of n bytes takes `n log n` steps, whatever is in it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::vocabulary::Vocabulary;

/// The rank of two neighbours that make no token.
const APART: u32 = u32::MAX;

/// One part of a piece, named by the byte it begins with.
#[derive(Clone, Copy)]
struct Part {
    before: u32,
    /// Where the next part begins.
    after: u32,
    /// The rank that this part and the next would have as one.
    joined: u32,
}

/// Counts pieces; its memory serves one after the other.
pub(super) struct Merger<'a> {
    vocabulary: &'a Vocabulary,
    parts: Vec<Part>,
    pairs: BinaryHeap<Reverse<(u32, u32)>>,
}

impl<'a> Merger<'a> {
    pub(super) fn new(vocabulary: &'a Vocabulary) -> Self {
        Self { vocabulary, parts: Vec::new(), pairs: BinaryHeap::new() }
    }

    /// Tokens of a piece of less than 4 GiB.
    #[inline]
    pub(super) fn count(&mut self, piece: &[u8]) -> usize {
        if self.vocabulary.rank(piece).is_some() { 1 } else { self.merged(piece) }
    }

    fn merged(&mut self, piece: &[u8]) -> usize {
        let mut count = piece.len();
        let Ok(end) = u32::try_from(count) else { return count };
        self.parts.clear();
        self.parts.extend((0..end).map(|at| Part { before: at.wrapping_sub(1), after: at + 1, joined: APART }));
        self.pairs.clear();
        for at in 0..end {
            self.join(piece, at);
        }
        while let Some(Reverse((rank, at))) = self.pairs.pop() {
            let left = self.parts[at as usize];
            // What was pushed before one of the two was merged otherwise is out of date.
            if left.joined != rank {
                continue;
            }
            let right = self.parts[left.after as usize];
            self.parts[left.after as usize].joined = APART;
            self.parts[at as usize].after = right.after;
            if right.after < end {
                self.parts[right.after as usize].before = at;
            }
            count -= 1;
            self.join(piece, at);
            if at > 0 {
                self.join(piece, left.before);
            }
        }
        count
    }

    /// Looks up what a part and its neighbour would be as one.
    #[inline]
    fn join(&mut self, piece: &[u8], at: u32) {
        let after = self.parts[at as usize].after as usize;
        let both = self.parts.get(after).and_then(|next| piece.get(at as usize..next.after as usize));
        let joined = both.and_then(|both| self.vocabulary.rank(both)).unwrap_or(APART);
        self.parts[at as usize].joined = joined;
        if joined != APART {
            self.pairs.push(Reverse((joined, at)));
        }
    }
}
