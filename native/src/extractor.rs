//! The feature schemas that are computed from a text: what they are called, how many numbers each has, and the numbers.
//!
//! Entered by the engine, which holds the extractor of its schema, and by whoever judges parameters. A schema of a caller's
//! own has no extractor. It never keeps the text and never allocates.

use std::sync::Arc;

use crate::embed::{self, TextExtractor};
use crate::error::{Fault, Kind};
use crate::features::{self, FlagExtractor};

/// Where the features of a text are put, under any schema; packed little-endian float32.
pub type Room = [[u8; 4]; embed::DIMENSION];

/// Room that nothing was put into yet.
pub const NO_FEATURES: Room = [[0; 4]; embed::DIMENSION];

/// How many numbers a schema has that is computed from text.
#[must_use]
pub fn dimension_of(schema: &str) -> Option<usize> {
    match schema {
        features::SCHEMA => Some(features::DIMENSION),
        embed::SCHEMA => Some(embed::DIMENSION),
        _ => None,
    }
}

/// Computes the features of a text under one schema.
#[derive(Debug)]
pub enum Extractor {
    /// `flags.v1`.
    Flags(FlagExtractor),
    /// `text.v1`; its table is shared by all engines that have it.
    Text(Arc<TextExtractor>),
}

impl Extractor {
    /// The extractor of a schema, or none for a caller's own.
    ///
    /// # Errors
    /// `Kind::Engine` for `text.v1` without its table.
    pub fn of(schema: &str, text: Option<Arc<TextExtractor>>) -> Result<Option<Self>, Fault> {
        match schema {
            features::SCHEMA => Ok(Some(Self::Flags(FlagExtractor::new()))),
            embed::SCHEMA => text
                .map(|text| Some(Self::Text(text)))
                .ok_or(Kind::Engine.because("schema text.v1 needs its text table")),
            _ => Ok(None),
        }
    }

    /// Puts the features of a text into the room and returns the part that they take.
    pub fn extract<'a>(&self, text: &str, room: &'a mut Room) -> &'a [u8] {
        let packed = match self {
            Self::Flags(flags) => {
                let part = &mut room[..features::DIMENSION];
                part.copy_from_slice(&flags.extract(text));
                part
            }
            Self::Text(extractor) => {
                *room = extractor.extract(text);
                &mut room[..]
            }
        };
        packed.as_flattened()
    }
}
