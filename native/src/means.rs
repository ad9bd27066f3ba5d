//! Plain estimates of one arm: learned tallies and priors turned into means.
//!
//! Entered by `posterior`, which keeps them. Pure functions of (sums, scale, priors); nothing of a query is seen here.

use crate::arm::Arm;
use crate::sums::ArmStatistics;

/// Observations that a prior failure rate is worth; the other priors are worth one.
const FAILURE_PRIOR_COUNT: f64 = 4.0;
/// The 95th percentile of the standard normal.
const NORMAL_95: f64 = 1.644_853_626_951_472_7;
/// Share of the mean square below which a variance is rounding.
const VARIANCE_RESOLUTION: f64 = 1.0 / (1_u64 << 40) as f64;

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
    /// 95th percentile of latency in seconds.
    pub slow_latency: f64,
    /// Share of failures.
    pub failure_rate: f64,
}

impl Means {
    /// The estimates at a scale.
    #[must_use]
    pub fn of(arm: &Arm, learned: Option<&ArmStatistics>, scale: f64) -> Self {
        let Some(learned) = learned else {
            return Self {
                quality: arm.quality,
                evidence: 1.0,
                output_tokens: arm.output_tokens,
                latency: arm.latency,
                slow_latency: arm.latency,
                failure_rate: arm.failure_rate,
            };
        };
        let (quality, latency) = (learned.quality.tally(), learned.latency.mean(scale, arm.latency, 1.0));
        let square =
            (scale * learned.latency_squares + arm.latency * arm.latency) / (scale * learned.latency.count + 1.0);
        Self {
            quality: quality.mean(scale, arm.quality, 1.0),
            evidence: scale * quality.count + 1.0,
            output_tokens: learned.lengths.tally().mean(scale, arm.output_tokens, 1.0),
            latency,
            slow_latency: slow(latency, square),
            failure_rate: learned.failures.mean(scale, arm.failure_rate, FAILURE_PRIOR_COUNT),
        }
    }
}

/// The 95th percentile of a log-normal variable with this mean and mean square.
fn slow(mean: f64, square: f64) -> f64 {
    let mean_squared = mean * mean;
    let variance = square - mean_squared;
    if mean_squared == 0.0 || variance <= VARIANCE_RESOLUTION * square {
        return mean;
    }
    let spread = libm::log(1.0 + (variance / mean_squared).min(f64::MAX));
    mean * libm::exp(NORMAL_95 * spread.sqrt() - spread / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slow_latency_is_the_95th_percentile_of_the_log_normal_law() {
        // The logarithm has mean 0.25 and standard deviation 0.5.
        let (mean, square) = (libm::exp(0.25 + 0.125), libm::exp(0.5 + 0.5));
        assert!((slow(mean, square) / libm::exp(0.25 + 0.5 * NORMAL_95) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn without_spread_it_is_the_mean_however_the_mean_was_rounded() {
        for step in 0..1000 {
            let latency = 0.1 + f64::from(step) / 7.0;
            let [mean, square] = [latency, latency * latency].map(|value| (0.3 * value + value) / 1.3);
            assert_eq!(slow(mean, square), mean);
        }
        assert_eq!(slow(0.0, 0.0), 0.0);
        assert_eq!(slow(1e-200, 1e100), 1e-200);
    }

    #[test]
    fn an_enormous_spread_has_a_finite_percentile() {
        assert!(slow(1e-150, 1e18).is_finite());
    }
}
