//! Observe in bytes: the lesson that a token held, and the record of an observation.
//!
//! `atp_grpc/routing/feedback.py` and `atp_grpc/store/observation_codec.py` describe the bytes and define them. It never
//! opens a token by itself and never stores anything.

pub mod lesson;
pub mod record;
