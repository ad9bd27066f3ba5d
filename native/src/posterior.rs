//! One arm at a moment: learned sums and priors turned into means, coefficients and a factor.
//!
//! Every value is a pure function of (statistics, tick, priors); what is kept here is a cache of it, refreshed when the
//! arm has learned or the tick has moved. It never changes what was learned.

use crate::arm::Arm;
use crate::factor::Factor;
use crate::linalg::{Lane, vector};
use crate::processor::Processor;
use crate::statistics::ArmStatistics;

/// Observations that a prior failure rate is worth; the other priors are worth one.
const FAILURE_PRIOR_COUNT: f64 = 4.0;

/// What a cached value was computed from: the revision of the arm's statistics (0 without any) and the scale.
type Stamp = Option<(u64, f64)>;

/// Plain estimates of one arm.
#[derive(Clone, Copy, Debug, Default)]
pub struct Means {
    /// Quality.
    pub quality: f64,
    /// Effective observations behind it, the prior's one among them; the mean's variance is one over it.
    pub evidence: f64,
    /// Output tokens.
    pub output_tokens: f64,
    /// Latency in seconds.
    pub latency: f64,
    /// Share of failures.
    pub failure_rate: f64,
}

/// The estimates of one loaded arm.
#[derive(Debug)]
pub struct Posterior {
    means: Means,
    means_of: Stamp,
    coefficients: Vec<Lane>,
    factor: Factor,
    linear_of: Stamp,
}

impl Posterior {
    /// Nothing computed yet; `size` is the feature dimension plus one.
    #[must_use]
    pub fn new(size: usize, processor: Processor) -> Self {
        Self {
            means: Means::default(),
            means_of: None,
            coefficients: vector(size),
            factor: Factor::new(size, processor),
            linear_of: None,
        }
    }

    /// Forgets everything computed, after other statistics were restored.
    pub const fn forget(&mut self) {
        self.means_of = None;
        self.linear_of = None;
    }

    /// The plain estimates at a scale.
    pub fn means(&mut self, arm: &Arm, learned: Option<&ArmStatistics>, scale: f64) -> Means {
        let stamp = Some((learned.map_or(0, |learned| learned.revision), scale));
        if self.means_of != stamp {
            self.means = means(arm, learned, scale);
            self.means_of = stamp;
        }
        self.means
    }

    /// The linear model at a scale.
    pub fn linear(
        &mut self,
        arm: &Arm,
        learned: Option<&ArmStatistics>,
        scale: f64,
        slope_precision: f64,
    ) -> Linear<'_> {
        let stamp = Some((learned.map_or(0, |learned| learned.quality_revision), scale));
        if self.linear_of != stamp {
            // A refresh that ends in a panic must not leave half a factor that looks fresh.
            self.linear_of = None;
            self.refresh_linear(arm, learned, scale, slope_precision);
            self.linear_of = stamp;
        }
        Linear { coefficients: &self.coefficients, factor: &self.factor }
    }

    fn refresh_linear(&mut self, arm: &Arm, learned: Option<&ArmStatistics>, scale: f64, slope_precision: f64) {
        let prior = [1.0, slope_precision];
        let coefficients = self.coefficients.as_flattened_mut();
        coefficients.fill(0.0);
        coefficients[0] = arm.quality;
        // Without evidence the precision is the prior's diagonal, so the coefficients stay what they are here.
        if let Some(learned) = learned {
            for (coefficient, reward) in coefficients.iter_mut().zip(&learned.rewards) {
                *coefficient += scale * reward;
            }
            self.factor.refresh(&learned.moments, scale, prior);
            self.factor.whiten(&mut self.coefficients);
            self.factor.whiten_transposed(&mut self.coefficients);
        } else {
            self.factor.refresh_diagonal(prior);
        }
    }
}

/// A linear model that is fresh.
#[derive(Clone, Copy, Debug)]
pub struct Linear<'a> {
    /// Coefficients, the bias first.
    pub coefficients: &'a [Lane],
    factor: &'a Factor,
}

impl Linear<'_> {
    /// Predicted quality.
    #[must_use]
    pub fn predict(&self, features: &[Lane]) -> f64 {
        self.factor.dot(self.coefficients, features)
    }

    /// Variance of the prediction, in units of the residual variance; `scratch` is overwritten.
    pub fn variance(&self, features: &[Lane], scratch: &mut [Lane]) -> f64 {
        scratch.copy_from_slice(features);
        self.factor.whiten(scratch)
    }
}

fn means(arm: &Arm, learned: Option<&ArmStatistics>, scale: f64) -> Means {
    let Some(learned) = learned else {
        return Means {
            quality: arm.quality,
            evidence: 1.0,
            output_tokens: arm.output_tokens,
            latency: arm.latency,
            failure_rate: arm.failure_rate,
        };
    };
    let evidence = scale * learned.moments[0] + 1.0;
    Means {
        quality: (scale * learned.rewards[0] + arm.quality) / evidence,
        evidence,
        output_tokens: learned.tokens.mean(scale, arm.output_tokens, 1.0),
        latency: learned.latency.mean(scale, arm.latency, 1.0),
        failure_rate: learned.failures.mean(scale, arm.failure_rate, FAILURE_PRIOR_COUNT),
    }
}

/// Standard deviation of quality around a linear prediction, from the stored sums.
///
/// `coefficients` are those of the linear model, or the plain mean followed by zeros.
#[must_use]
pub fn residual_sd(learned: &ArmStatistics, scale: f64, coefficients: &[f64]) -> f64 {
    let mut unexplained = scale * learned.squares;
    let mut start = 0;
    for (row, coefficient) in coefficients.iter().enumerate().take(learned.rewards.len()) {
        let cells = &learned.moments[start..=start + row];
        start += row + 1;
        let off_diagonal: f64 = cells[..row].iter().zip(coefficients).map(|(cell, other)| cell * other).sum();
        let quadratic = coefficient * (2.0 * off_diagonal + cells[row] * coefficient);
        unexplained += scale * (quadratic - 2.0 * coefficient * learned.rewards[row]);
    }
    (unexplained / (scale * learned.moments[0]).max(1.0)).max(0.0).sqrt()
}
