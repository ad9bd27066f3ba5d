//! What the engine refuses, as one enum and one sentence.
//!
//! Every module raises it; `python` turns it into one exception family. It never carries a prompt, a name or a number
//! of the caller: its sentences are constants.

use std::fmt;

/// Which exception of the contract a refusal becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `EngineError`: parameters, arms or offers out of range.
    Engine,
    /// `InvalidQueryError`.
    Query,
    /// `InvalidOutcomeError`.
    Outcome,
    /// `StaleGenerationError`.
    Stale,
    /// `CorruptCheckpointError`.
    Corrupt,
    /// `CheckpointMismatchError`.
    Mismatch,
    /// `EnginePanicError`: the engine itself failed.
    Panic,
}

impl Kind {
    /// The word that stands for the kind on the Python side.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::Query => "query",
            Self::Outcome => "outcome",
            Self::Stale => "stale",
            Self::Corrupt => "corrupt",
            Self::Mismatch => "mismatch",
            Self::Panic => "panic",
        }
    }

    /// A refusal of this kind.
    #[must_use]
    pub const fn because(self, sentence: &'static str) -> Fault {
        Fault { kind: self, sentence }
    }

    /// Refuses unless `holds`.
    ///
    /// # Errors
    /// A fault of this kind, with the sentence.
    pub const fn unless(self, holds: bool, sentence: &'static str) -> Result<(), Fault> {
        if holds { Ok(()) } else { Err(self.because(sentence)) }
    }
}

/// A refusal. The engine's state is unchanged whenever one is returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which exception it becomes.
    pub kind: Kind,
    /// Why, for people.
    pub sentence: &'static str,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.sentence)
    }
}

impl std::error::Error for Fault {}
