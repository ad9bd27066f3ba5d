//! The static embedding of a text: thirty-two numbers of what it is about, from a table and two sums.
//!
//! A text is folded (`folding`), its words are cut into pieces (`vocabulary`), and the vector is a weighted mean over
//! the pieces. Sums are of whole numbers, so the bytes are those of the reference beside it. It never keeps the text and
//! never allocates.

mod file;
mod folding;
mod vocabulary;

use crate::error::Fault;
use crate::features::{self, FlagExtractor};
use folding::{Fate, Foldings};
use vocabulary::Vocabulary;

/// Name of the schema: the marks of `flags.v1`, then the embedding.
pub const SCHEMA: &str = "text.v1";
/// Numbers of an embedding.
pub const EMBEDDING: usize = 32;
/// The longest word that a table may call known, in characters.
const WORD_LIMIT: usize = 100;
/// Features of the schema.
pub const DIMENSION: usize = features::DIMENSION + EMBEDDING;

/// One piece in the mean: its numbers times its weight, which always fit.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Row([i16; EMBEDDING]);

/// The decoded table, with what makes it fast. `docs/embedding.md` describes its numbers.
#[derive(Debug)]
pub struct TextTable {
    character_limit: usize,
    word_limit: usize,
    damping: u32,
    scales: [f64; EMBEDDING],
    weights: Vec<u8>,
    rows: Vec<Row>,
    vocabulary: Vocabulary,
    foldings: Foldings,
}

impl TextTable {
    /// Takes apart the bytes of a table, whose digest was compared before.
    ///
    /// # Errors
    /// `Kind::Engine` when they are no table.
    pub fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        file::decode(bytes)
    }

    /// The embedding of a text; all zero without a known word.
    #[must_use]
    pub fn embed(&self, text: &str) -> [f32; EMBEDDING] {
        let mut reading = Reading { table: self, word: Word::new(), total: [0; EMBEDDING], weight: self.damping };
        let text = self.beginning(text);
        let mut place = 0;
        while let Some(byte) = text.as_bytes().get(place) {
            if byte.is_ascii() {
                place += 1;
                match self.foldings.ascii(*byte) {
                    Fate::Letter(letter) => reading.word.push(letter),
                    Fate::Space => reading.end_word(),
                    Fate::Apart => {
                        reading.end_word();
                        reading.word.push(*byte);
                        reading.end_word();
                    }
                    Fate::Dropped => {}
                }
            } else if let Some(character) = text[place..].chars().next() {
                place += character.len_utf8();
                reading.fold(character);
            }
        }
        reading.end_word();
        reading.mean()
    }

    /// As much of a text as counts.
    fn beginning<'a>(&self, text: &'a str) -> &'a str {
        if text.len() <= self.character_limit {
            return text;
        }
        text.char_indices().nth(self.character_limit).map_or(text, |(end, _)| &text[..end])
    }
}

/// A text while it is read: the word it is in, and the two sums over the pieces so far.
struct Reading<'a> {
    table: &'a TextTable,
    word: Word,
    total: [i32; EMBEDDING],
    weight: u32,
}

impl Reading<'_> {
    /// Takes in a character beyond ASCII.
    fn fold(&mut self, character: char) {
        let Some(text) = self.table.foldings.replacement(character) else { return self.word.extend(character) };
        for part in text.chars() {
            match part {
                ' ' => self.end_word(),
                folding::ITSELF => self.word.extend(character),
                _ => self.word.extend(part),
            }
        }
    }

    /// Adds the pieces of the word, if all of it is known.
    fn end_word(&mut self) {
        let word = &self.word;
        if word.length > 0 && word.characters <= self.table.word_limit {
            let bytes = &word.bytes[..word.length];
            if let Some(piece) = self.table.vocabulary.whole(bytes, word.hash) {
                self.add(piece);
            } else {
                let mut pieces = [0; WORD_LIMIT];
                for piece in self.table.vocabulary.cut(bytes, &mut pieces) {
                    self.add(*piece);
                }
            }
        }
        self.word.clear();
    }

    fn add(&mut self, piece: u16) {
        let piece = usize::from(piece);
        for (total, value) in self.total.iter_mut().zip(&self.table.rows[piece].0) {
            *total += i32::from(*value);
        }
        self.weight += u32::from(self.table.weights[piece]);
    }

    fn mean(&self) -> [f32; EMBEDDING] {
        let weight = f64::from(self.weight);
        let mut mean = [0.0; EMBEDDING];
        for ((mean, scale), total) in mean.iter_mut().zip(&self.table.scales).zip(&self.total) {
            #[allow(clippy::cast_possible_truncation, reason = "rounding to float32 is the schema")]
            let rounded = (scale * f64::from(*total) / weight) as f32;
            *mean = rounded;
        }
        mean
    }
}

/// A word while it is read. Characters beyond the limit are counted but not kept: the word is unknown anyway.
struct Word {
    bytes: [u8; 4 * WORD_LIMIT],
    length: usize,
    characters: usize,
    hash: u64,
}

impl Word {
    const fn new() -> Self {
        Self { bytes: [0; 4 * WORD_LIMIT], length: 0, characters: 0, hash: vocabulary::BEGIN }
    }

    fn push(&mut self, byte: u8) {
        self.characters += 1;
        if self.characters <= WORD_LIMIT {
            self.keep(byte);
        }
    }

    fn extend(&mut self, character: char) {
        self.characters += 1;
        if self.characters <= WORD_LIMIT {
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                self.keep(byte);
            }
        }
    }

    fn keep(&mut self, byte: u8) {
        self.bytes[self.length] = byte;
        self.length += 1;
        self.hash = vocabulary::extend(self.hash, byte);
    }

    fn clear(&mut self) {
        (self.length, self.characters, self.hash) = (0, 0, vocabulary::BEGIN);
    }
}

/// Computes `text.v1`.
#[derive(Debug)]
pub struct TextExtractor {
    flags: FlagExtractor,
    table: TextTable,
}

impl TextExtractor {
    /// Joins the table with the marks.
    #[must_use]
    pub fn new(table: TextTable) -> Self {
        Self { flags: FlagExtractor::new(), table }
    }

    /// The table.
    #[must_use]
    pub fn table(&self) -> &TextTable {
        &self.table
    }

    /// The forty-seven features, packed little-endian float32.
    #[must_use]
    pub fn extract(&self, text: &str) -> [[u8; 4]; DIMENSION] {
        let mut packed = [[0; 4]; DIMENSION];
        let (marks, embedding) = packed.split_at_mut(features::DIMENSION);
        marks.copy_from_slice(&self.flags.extract(text));
        embedding.copy_from_slice(&self.table.embed(text).map(f32::to_le_bytes));
        packed
    }
}
