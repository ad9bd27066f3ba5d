//! An arm that can be offered: what the catalogue says of it, where its statistics are, and its estimates.
//!
//! The engine holds one per loaded arm. It reads statistics through the slot and never changes them.

use crate::arm::Arm;
use crate::lengths::Lengths;
use crate::linalg::Lane;
use crate::means::Means;
use crate::posterior::{Linear, Posterior, residual_sd};
use crate::processor::Processor;
use crate::reading::Reading;
use crate::statistics::PoolStatistics;
use crate::sums::{ArmStatistics, length_size};
use crate::tenants::Tenant;

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
    lengths: Lengths,
    named_by: u64,
}

impl Loaded {
    /// Joins an arm with what was learned of its name.
    #[must_use]
    pub fn new(arm: Arm, statistics: &PoolStatistics, processor: Processor) -> Self {
        let posterior = Posterior::new(statistics.size, processor);
        let lengths = Lengths::new(length_size(statistics.size), processor);
        Self { slot: statistics.slot(&arm.name), posterior, lengths, named_by: 0, arm }
    }

    /// Looks again where the statistics are, after an arm was learned for the first time.
    pub fn find(&mut self, statistics: &PoolStatistics) {
        self.slot = statistics.slot(&self.arm.name);
    }

    /// Whether the statistics in this slot are the arm's.
    #[must_use]
    pub fn is_at(&self, slot: usize) -> bool {
        self.slot == Some(slot)
    }

    /// Forgets estimates, after other statistics were restored.
    pub fn forget(&mut self, statistics: &PoolStatistics) {
        self.posterior.forget();
        self.lengths.forget();
        self.find(statistics);
    }

    /// Notes that a choice names this arm. False when it did before.
    pub fn name_once(&mut self, choice: u64) -> bool {
        std::mem::replace(&mut self.named_by, choice) != choice
    }

    /// The plain estimates.
    pub fn means(&mut self, reading: &Reading) -> Means {
        self.posterior.means(&self.arm, learned(self.slot, reading.statistics), reading.scale)
    }

    /// The linear model.
    pub fn linear(&mut self, reading: &Reading) -> Linear<'_> {
        self.posterior.linear(&self.arm, learned(self.slot, reading.statistics), reading)
    }

    /// Expected output tokens for a query, of which `mean` are expected for any.
    pub fn expect_tokens(&mut self, features: &[Lane], mean: f64, reading: &Reading) -> f64 {
        let learned = learned(self.slot, reading.statistics).filter(|_| reading.parameters.reads_lengths());
        let prior = self.arm.output_tokens;
        learned.map_or(mean, |learned| self.lengths.expect(learned, features, mean, prior, reading))
    }

    /// What is added to the prediction for a tenant.
    #[must_use]
    pub fn offset(&self, tenant: &Tenant, reading: &Reading) -> f64 {
        self.slot.map_or(0.0, |slot| tenant.offset(slot, reading))
    }

    /// The learned state for people. The residual is taken around the model that is served.
    pub fn summary(&mut self, reading: &Reading) -> ArmSummary {
        let means = self.means(reading);
        let mut coefficients = vec![0.0; reading.statistics.size];
        coefficients[0] = means.quality;
        if reading.context_on {
            let linear = self.linear(reading);
            coefficients.copy_from_slice(&linear.coefficients.as_flattened()[..reading.statistics.size]);
        }
        let learned = learned(self.slot, reading.statistics);
        ArmSummary {
            name: self.arm.name.clone(),
            observations: learned.map_or(0.0, |learned| reading.scale * learned.quality.moments[0]),
            means,
            residual_sd: learned.map_or(0.0, |learned| residual_sd(learned, reading.scale, &coefficients)),
        }
    }
}

fn learned(slot: Option<usize>, statistics: &PoolStatistics) -> Option<&ArmStatistics> {
    slot.map(|slot| &statistics.arms()[slot])
}
