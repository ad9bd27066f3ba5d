//! One arm at a moment: learned sums and priors turned into means, coefficients and a factor.
//!
//! Every value is a pure function of (statistics, tick, priors); what is kept here is a cache of it, refreshed when the
//! arm has learned, the tick has moved or the common slopes were read anew. It never changes what was learned.

use crate::arm::Arm;
use crate::factor::Factor;
use crate::linalg::{Lane, vector};
use crate::means::Means;
use crate::processor::Processor;
use crate::reading::Reading;
use crate::sums::ArmStatistics;

/// What the means were computed from: the revision of the arm's statistics (0 without any) and the scale.
type Stamp = Option<(u64, f64)>;

/// The estimates of one loaded arm.
#[derive(Debug)]
pub struct Posterior {
    means: Means,
    means_of: Stamp,
    coefficients: Vec<Lane>,
    /// The factor's stamp, and the revision of the common slopes.
    coefficients_of: (Stamp, u64),
    factor: Factor,
    factor_of: Stamp,
}

impl Posterior {
    /// Nothing computed yet; `size` is the feature dimension plus one.
    #[must_use]
    pub fn new(size: usize, processor: Processor) -> Self {
        Self {
            means: Means::default(),
            means_of: None,
            coefficients: vector(size),
            coefficients_of: (None, 0),
            factor: Factor::new(size, processor),
            factor_of: None,
        }
    }

    /// Forgets everything computed, after other statistics were restored.
    pub const fn forget(&mut self) {
        self.means_of = None;
        self.factor_of = None;
        self.coefficients_of.0 = None;
    }

    /// The plain estimates at a scale.
    pub fn means(&mut self, arm: &Arm, learned: Option<&ArmStatistics>, scale: f64) -> Means {
        let stamp = Some((learned.map_or(0, |learned| learned.revision), scale));
        if self.means_of != stamp {
            self.means = Means::of(arm, learned, scale);
            self.means_of = stamp;
        }
        self.means
    }

    /// The linear model. When only the common slopes were read anew, the factor stays as it is.
    pub fn linear(&mut self, arm: &Arm, learned: Option<&ArmStatistics>, reading: &Reading) -> Linear<'_> {
        let stamp = Some((learned.map_or(0, |learned| learned.quality_revision), reading.scale));
        let wanted = (stamp, reading.statistics.common.revision);
        if self.coefficients_of != wanted {
            // A refresh that ends in a panic must not leave half a model that looks fresh.
            self.coefficients_of.0 = None;
            let prior = [1.0, reading.slope_precision];
            if self.factor_of != stamp {
                self.factor_of = None;
                match learned {
                    Some(learned) => self.factor.refresh(&learned.quality.moments, reading.scale, prior),
                    None => self.factor.refresh_diagonal(prior),
                }
                self.factor_of = stamp;
            }
            self.solve(arm, learned, reading);
            self.coefficients_of = wanted;
        }
        Linear { coefficients: &self.coefficients, factor: &self.factor }
    }

    fn solve(&mut self, arm: &Arm, learned: Option<&ArmStatistics>, reading: &Reading) {
        let (bias, slopes) = reading.statistics.common.split();
        let [first, rest @ ..] = self.coefficients.as_flattened_mut() else { return };
        *first = arm.quality + bias;
        rest.fill(0.0);
        // Without evidence the precision is the prior's diagonal, and the prior mean is what solves it.
        let Some(learned) = learned else {
            rest[..slopes.len()].copy_from_slice(slopes);
            return;
        };
        let [product, products @ ..] = learned.quality.products.as_slice() else { return };
        *first += reading.scale * product;
        for ((coefficient, product), slope) in rest.iter_mut().zip(products).zip(slopes) {
            *coefficient = reading.scale * product + reading.slope_precision * slope;
        }
        self.factor.whiten(&mut self.coefficients);
        self.factor.whiten_transposed(&mut self.coefficients);
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

/// Standard deviation of quality around a linear prediction, from the stored sums.
///
/// `coefficients` are those of the linear model, or the plain mean followed by zeros.
#[must_use]
pub fn residual_sd(learned: &ArmStatistics, scale: f64, coefficients: &[f64]) -> f64 {
    let mut unexplained = scale * learned.squares;
    let mut start = 0;
    for (row, coefficient) in coefficients.iter().enumerate().take(learned.quality.products.len()) {
        let cells = &learned.quality.moments[start..=start + row];
        start += row + 1;
        let off_diagonal: f64 = cells[..row].iter().zip(coefficients).map(|(cell, other)| cell * other).sum();
        let quadratic = coefficient * (2.0 * off_diagonal + cells[row] * coefficient);
        unexplained += scale * (quadratic - 2.0 * coefficient * learned.quality.products[row]);
    }
    (unexplained / (scale * learned.quality.moments[0]).max(1.0)).max(0.0).sqrt()
}
