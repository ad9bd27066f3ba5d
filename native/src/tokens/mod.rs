//! How many tokens a text has in the published encodings of `OpenAI`'s models.
//!
//! A text is cut into pieces (`pieces`), each piece is looked up (`vocabulary`), and one that is no token of its own is
//! merged from its bytes (`merging`). The counts are those of tiktoken's `encode_ordinary`: text that spells a special
//! token is counted as text. The ranks come with the data crates `splintr-vocab-*`, which carry `OpenAI`'s files;
//! a test compares their digests with the published ones. An encoding that nobody asks for takes no memory.

mod merging;
mod pieces;
mod vocabulary;

use std::sync::LazyLock;

use merging::Merger;
use pieces::Cutter;
use vocabulary::Vocabulary;

static O200K_BASE: LazyLock<Encoding> =
    LazyLock::new(|| Encoding::new(splintr_vocab_o200k::O200K_BASE_VOCAB_PACKED, pieces::O200K_BASE));
static CL100K_BASE: LazyLock<Encoding> =
    LazyLock::new(|| Encoding::new(splintr_vocab_cl100k::CL100K_BASE_VOCAB_PACKED, pieces::CL100K_BASE));

/// One encoding, ready to count.
pub struct Encoding {
    cutter: Cutter,
    vocabulary: Vocabulary,
}

impl Encoding {
    fn new(packed: &'static [u8], rules: pieces::Rules) -> Self {
        Self { cutter: Cutter::new(rules), vocabulary: Vocabulary::new(packed) }
    }

    /// The encoding of that published name; None when it is not here. Its first count loads it.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static LazyLock<Self>> {
        match name {
            "o200k_base" => Some(&O200K_BASE),
            "cl100k_base" => Some(&CL100K_BASE),
            _ => None,
        }
    }

    /// Tokens of a text; time grows as `n log n` of its longest piece at worst.
    #[must_use]
    pub fn count(&self, text: &str) -> usize {
        let mut merger = Merger::new(&self.vocabulary);
        let mut count = 0;
        self.cutter.each(text, |piece| count += merger.count(piece));
        count
    }

    /// The tokens in the order of their ranks.
    pub fn tokens(&self) -> impl Iterator<Item = &[u8]> {
        self.vocabulary.tokens()
    }
}
