//! An arm that can be offered: what the catalogue says of it, where its statistics are, and its estimates.
//!
//! The engine holds one per loaded arm. It reads statistics through the slot and never changes them.

use crate::arm::Arm;
use crate::posterior::{Linear, Means, Posterior, residual_sd};
use crate::statistics::{ArmStatistics, PoolStatistics};

/// Learned state of one loaded arm, for people.
#[derive(Clone, Debug)]
pub struct ArmSummary {
    /// Name.
    pub name: String,
    /// Effective graded answers.
    pub observations: f64,
    /// Plain estimates.
    pub means: Means,
    /// Standard deviation of quality around the served prediction.
    pub residual_sd: f64,
}

/// One loaded arm.
#[derive(Debug)]
pub struct Loaded {
    arm: Arm,
    slot: Option<usize>,
    posterior: Posterior,
    named_by: u64,
}

impl Loaded {
    /// Joins an arm with what was learned of its name.
    #[must_use]
    pub fn new(arm: Arm, statistics: &PoolStatistics) -> Self {
        Self { slot: statistics.slot(&arm.name), posterior: Posterior::new(statistics.size), named_by: 0, arm }
    }

    /// Looks again where the statistics are, after an arm was learned for the first time.
    pub fn find(&mut self, statistics: &PoolStatistics) {
        self.slot = statistics.slot(&self.arm.name);
    }

    /// Forgets estimates, after other statistics were restored.
    pub fn forget(&mut self, statistics: &PoolStatistics) {
        self.posterior = Posterior::new(statistics.size);
        self.find(statistics);
    }

    /// Notes that a choice names this arm. False when it did before.
    pub fn name_once(&mut self, choice: u64) -> bool {
        std::mem::replace(&mut self.named_by, choice) != choice
    }

    /// The plain estimates at a scale.
    pub fn means(&mut self, statistics: &PoolStatistics, scale: f64) -> Means {
        self.posterior.means(&self.arm, learned(self.slot, statistics), scale)
    }

    /// The linear model at a scale.
    pub fn linear(&mut self, statistics: &PoolStatistics, scale: f64, slope_precision: f64) -> Linear<'_> {
        self.posterior.linear(&self.arm, learned(self.slot, statistics), scale, slope_precision)
    }

    /// The learned state for people. With a slope precision the residual is taken around the linear model, without
    /// one around the plain mean.
    pub fn summary(&mut self, statistics: &PoolStatistics, scale: f64, slope_precision: Option<f64>) -> ArmSummary {
        let means = self.means(statistics, scale);
        let mut coefficients = vec![0.0; statistics.size];
        coefficients[0] = means.quality;
        if let Some(precision) = slope_precision {
            let linear = self.linear(statistics, scale, precision);
            coefficients.copy_from_slice(&linear.coefficients.as_flattened()[..statistics.size]);
        }
        let learned = learned(self.slot, statistics);
        ArmSummary {
            name: self.arm.name.clone(),
            observations: learned.map_or(0.0, |learned| scale * learned.moments[0]),
            means,
            residual_sd: learned.map_or(0.0, |learned| residual_sd(learned, scale, &coefficients)),
        }
    }
}

fn learned(slot: Option<usize>, statistics: &PoolStatistics) -> Option<&ArmStatistics> {
    slot.map(|slot| &statistics.arms()[slot])
}
