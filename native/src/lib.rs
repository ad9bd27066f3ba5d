//! The selection engine of ATP: which arm should serve a query, and what an outcome teaches.
//!
//! It keeps the promise of `atp_grpc/engine/contract.py`, defined in numbers by the reference engine beside it: scores
//! agree to 1e-9 relative. Around it stand `wire`, which reads requests and writes replies, `scribe`, which writes
//! decisions down, and `tokens`, which counts those of a text. Nothing here does I/O, asks for the time or draws chance
//! on its own; `python` alone is not plain Rust.

#![forbid(unsafe_code)]

pub mod arm;
pub mod checkpoint;
pub mod choice;
pub mod common;
pub mod decay;
pub mod embed;
pub mod engine;
pub mod error;
pub mod extractor;
pub mod factor;
pub mod features;
pub mod field;
pub mod gate;
pub mod lengths;
pub mod linalg;
pub mod loaded;
pub mod means;
pub mod observing;
pub mod parameters;
pub mod policy;
pub mod posterior;
pub mod processor;
pub mod query;
pub mod reading;
pub mod rng;
pub mod roster;
pub mod scribe;
pub mod statistics;
pub mod sums;
pub mod tenants;
pub mod tokens;
pub mod turns;
pub mod wire;

#[cfg(feature = "python")]
mod python;
