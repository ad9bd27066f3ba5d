//! Arms and offers: what the catalogue tells the engine.
//!
//! Plain data with its judgement; `Engine::load` is the only one who takes it in. Nothing here is learned.

use std::collections::HashSet;

use crate::error::{Fault, Kind};
use crate::query::FIGURE_LIMIT;

/// A model and what to believe of it before any outcome; each prior counts as one observation (failures: four).
#[derive(Clone, Debug)]
pub struct Arm {
    /// Name, unique among the loaded arms.
    pub name: String,
    /// Quality, 0 to 1.
    pub quality: f64,
    /// Output tokens of an answer.
    pub output_tokens: f64,
    /// Seconds until the answer.
    pub latency: f64,
    /// Share of failures, 0 to 1.
    pub failure_rate: f64,
}

/// One way to buy an arm, priced in nano-US-dollars per million tokens.
#[derive(Clone, Copy, Debug)]
pub struct Offer {
    /// Index among the loaded arms.
    pub arm: usize,
    /// Price of input, 0 or more.
    pub input_price: i64,
    /// Price of output, 0 or more.
    pub output_price: i64,
}

/// Judges arms and offers together.
///
/// # Errors
/// `Kind::Engine` for equal names, an offer of an unknown arm, or a prior or price out of range.
pub fn check(arms: &[Arm], offers: &[Offer]) -> Result<(), Fault> {
    let mut names = HashSet::new();
    for arm in arms {
        Kind::Engine.unless(!arm.name.is_empty(), "an arm has no name")?;
        Kind::Engine.unless(names.insert(arm.name.as_str()), "two arms have the same name")?;
        Kind::Engine.unless((0.0..=1.0).contains(&arm.quality), "prior_quality is out of range")?;
        Kind::Engine
            .unless((0.0..=FIGURE_LIMIT).contains(&arm.output_tokens), "prior_output_tokens is out of range")?;
        Kind::Engine.unless((0.0..=FIGURE_LIMIT).contains(&arm.latency), "prior_latency_seconds is out of range")?;
        Kind::Engine.unless((0.0..=1.0).contains(&arm.failure_rate), "prior_failure_rate is out of range")?;
    }
    for offer in offers {
        Kind::Engine.unless(offer.arm < arms.len(), "an offer's arm is not among the arms")?;
        Kind::Engine.unless(offer.input_price >= 0 && offer.output_price >= 0, "a price is out of range")?;
    }
    Ok(())
}
