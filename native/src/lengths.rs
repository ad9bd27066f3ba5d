//! How long an arm's answers are, told from the leading features of a query.
//!
//! `loaded` holds one per arm. Its coefficients are a cache, a pure function of (sums, scale, prior); they are computed
//! when a query asks, so that a lesson does not wait for them. It never knows who is chosen.

use crate::factor::Factor;
use crate::linalg::{Lane, vector};
use crate::processor::Processor;
use crate::reading::Reading;
use crate::sums::{ArmStatistics, LinearSums};

/// How many times the mean length, or what part of it, a prediction may be.
const REACH: f64 = 32.0;

/// The linear model of one arm's answer lengths.
#[derive(Debug)]
pub struct Lengths {
    coefficients: Vec<Lane>,
    factor: Factor,
    /// The revision of the arm's lengths and the scale that the coefficients were computed from.
    fresh_for: Option<(u64, f64)>,
}

impl Lengths {
    /// Nothing computed yet; `size` is the number of coefficients.
    #[must_use]
    pub fn new(size: usize, processor: Processor) -> Self {
        Self { coefficients: vector(size), factor: Factor::new(size, processor), fresh_for: None }
    }

    /// Forgets everything computed, after other statistics were restored.
    pub const fn forget(&mut self) {
        self.fresh_for = None;
    }

    /// Expected output tokens for a query, never far from their mean; `prior` is what was expected before any answer.
    pub fn expect(
        &mut self,
        learned: &ArmStatistics,
        features: &[Lane],
        mean: f64,
        prior: f64,
        reading: &Reading,
    ) -> f64 {
        let stamp = Some((learned.length_revision, reading.scale));
        if self.fresh_for != stamp {
            // A refresh that ends in a panic must not leave half a model that looks fresh.
            self.fresh_for = None;
            self.refresh(&learned.lengths, prior, reading);
            self.fresh_for = stamp;
        }
        let leading = &features[..self.coefficients.len()];
        self.factor.dot(&self.coefficients, leading).min(REACH * mean).max(mean / REACH)
    }

    fn refresh(&mut self, learned: &LinearSums, prior: f64, reading: &Reading) {
        let coefficients = self.coefficients.as_flattened_mut();
        for (coefficient, product) in coefficients.iter_mut().zip(&learned.products) {
            *coefficient = reading.scale * product;
        }
        coefficients[learned.products.len()..].fill(0.0);
        coefficients[0] += prior;
        self.factor.refresh(&learned.moments, reading.scale, [1.0, reading.parameters.token_precision]);
        self.factor.whiten(&mut self.coefficients);
        self.factor.whiten_transposed(&mut self.coefficients);
    }
}
