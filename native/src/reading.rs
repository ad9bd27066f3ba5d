//! What was learned, as of a moment and under a policy: what every estimate is read from.
//!
//! Made by the engine for one call and handed down; it holds references and a few numbers, and computes no estimate.

use crate::parameters::Parameters;
use crate::statistics::PoolStatistics;

/// What was learned, as of the tick before a moment.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    /// The sums.
    pub statistics: &'a PoolStatistics,
    /// What sums are multiplied by.
    pub scale: f64,
    /// Whether the linear model of quality is served.
    pub context_on: bool,
    /// Prior precision of every slope of quality.
    pub slope_precision: f64,
    /// What the policy fixes.
    pub parameters: &'a Parameters,
}

impl<'a> Reading<'a> {
    /// A reading for so many loaded arms.
    #[must_use]
    pub fn at(now: i64, statistics: &'a PoolStatistics, parameters: &'a Parameters, arms: usize) -> Self {
        let decay = parameters.decay;
        Self {
            statistics,
            scale: decay.scale(decay.tick(now), statistics.epoch),
            context_on: statistics.gate.serves(parameters),
            slope_precision: parameters.slope_precision_of(arms),
            parameters,
        }
    }
}
