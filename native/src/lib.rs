//! The selection engine of ATP: which arm should serve a query, and what an outcome teaches.
//!
//! It keeps the promise of `atp_grpc/engine/contract.py`, defined in numbers by the reference engine beside it: scores
//! agree to 1e-9 relative. It never does I/O, never asks for the time and never draws chance on its own. Read it in the
//! order below; everything above `python` is plain Rust.

pub mod arm;
pub mod checkpoint;
pub mod choice;
pub mod decay;
pub mod engine;
pub mod error;
pub mod features;
pub mod field;
pub mod linalg;
pub mod loaded;
pub mod parameters;
pub mod policy;
pub mod posterior;
pub mod query;
pub mod rng;
pub mod statistics;

#[cfg(feature = "python")]
mod python;
