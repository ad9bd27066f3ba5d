//! The scribe: a decision written down, as the lesson that is sealed for the caller and as the record that is kept.
//!
//! `atp_grpc/routing/scribe` says what is promised and defines it. It never seals by itself and never stores anything.

pub mod decision;
pub mod lesson;
pub mod offering;
pub mod record;
