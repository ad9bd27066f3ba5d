//! The wire of Route, Observe and Ask: requests are read from bytes, replies are written to them, without a message in between.
//!
//! `atp_grpc/services/wire` says what is promised; the reference there defines it and words every refusal. A reader
//! here answers only for what is plainly valid and says nothing else about the rest.

pub mod acknowledgement;
pub mod answer;
pub mod ask;
pub mod fields;
pub mod report;
pub mod request;
pub mod response;
pub mod writing;
