//! What is known of one arm: weighted sums, and nothing but sums.
//!
//! Entered by `statistics`, which teaches, and read by whoever turns sums into estimates. Sums of several replicas may be
//! added, and nothing here divides.

#![allow(clippy::inline_always, reason = "only what is inlined is compiled for the wider registers of a processor")]

use crate::linalg::triangle;

/// Leading features that tell how long an answer is.
const LENGTH_FEATURES: usize = 15;

/// Coefficients of the linear model of answer lengths, for `size` coefficients of that of quality.
#[must_use]
pub const fn length_size(size: usize) -> usize {
    if size < LENGTH_FEATURES + 1 { size } else { LENGTH_FEATURES + 1 }
}

/// Sum of weights and of weighted values.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    /// Sum of weights.
    pub count: f64,
    /// Sum of weight times value.
    pub sum: f64,
}

impl Tally {
    pub(crate) fn add(&mut self, weight: f64, value: f64) {
        self.count += weight;
        self.sum += weight * value;
    }

    /// The mean at a scale, with a prior worth `prior_count` observations.
    #[must_use]
    pub fn mean(self, scale: f64, prior: f64, prior_count: f64) -> f64 {
        (scale * self.sum + prior_count * prior) / (scale * self.count + prior_count)
    }

    fn rescale(&mut self, factor: f64) {
        self.count *= factor;
        self.sum *= factor;
    }
}

/// What a linear model is made from (w = weight, x = features with a leading 1, y = what they should predict).
#[derive(Clone, Debug, PartialEq)]
pub struct LinearSums {
    /// Sum of w x xᵀ: lower triangle, row by row.
    pub moments: Vec<f64>,
    /// Sum of w y x.
    pub products: Vec<f64>,
}

impl LinearSums {
    /// No evidence for so many coefficients.
    #[must_use]
    pub fn empty(size: usize) -> Self {
        Self { moments: vec![0.0; triangle(size)], products: vec![0.0; size] }
    }

    /// Sum of w, and of w y.
    #[must_use]
    pub fn tally(&self) -> Tally {
        Tally { count: self.moments[0], sum: self.products[0] }
    }

    /// Adds one observation, of whose features as many are looked at as there are coefficients.
    #[inline(always)]
    pub(crate) fn add(&mut self, weight: f64, vector: &[f64], value: f64) {
        let mut rest = self.moments.as_mut_slice();
        for row in 0..self.products.len() {
            let (cells, below) = rest.split_at_mut(row + 1);
            let weighted = weight * vector[row];
            for (cell, value) in cells.iter_mut().zip(vector) {
                *cell += weighted * value;
            }
            rest = below;
        }
        for (product, feature) in self.products.iter_mut().zip(vector) {
            *product += weight * value * feature;
        }
    }

    fn rescale(&mut self, factor: f64) {
        self.moments.iter_mut().chain(&mut self.products).for_each(|sum| *sum *= factor);
    }
}

/// Weighted sums of one arm.
#[derive(Clone, Debug)]
pub struct ArmStatistics {
    /// Name of the arm.
    pub name: String,
    /// Quality.
    pub quality: LinearSums,
    /// Sum of w times quality squared.
    pub squares: f64,
    /// Output tokens, on the leading features.
    pub lengths: LinearSums,
    /// Latency in seconds.
    pub latency: Tally,
    /// Sum of w times latency squared.
    pub latency_squares: f64,
    /// Failures (1) and successes (0).
    pub failures: Tally,
    /// Moves with every change; caches compare it.
    pub revision: u64,
    /// Moves with every change of what is known of quality.
    pub quality_revision: u64,
    /// Moves with every change of what is known of lengths.
    pub length_revision: u64,
}

impl ArmStatistics {
    /// No evidence about an arm; `size` is the feature dimension plus one.
    #[must_use]
    pub fn empty(name: String, size: usize) -> Self {
        Self {
            name,
            quality: LinearSums::empty(size),
            squares: 0.0,
            lengths: LinearSums::empty(length_size(size)),
            latency: Tally::default(),
            latency_squares: 0.0,
            failures: Tally::default(),
            revision: 1,
            quality_revision: 1,
            length_revision: 1,
        }
    }

    #[inline(always)]
    pub(crate) fn learn_quality(&mut self, weight: f64, vector: &[f64], quality: f64) {
        self.quality.add(weight, vector, quality);
        self.squares += weight * quality * quality;
        self.quality_revision += 1;
    }

    #[inline(always)]
    pub(crate) fn learn_length(&mut self, weight: f64, vector: &[f64], tokens: f64) {
        self.lengths.add(weight, vector, tokens);
        self.length_revision += 1;
    }

    pub(crate) fn learn_latency(&mut self, weight: f64, seconds: f64) {
        self.latency.add(weight, seconds);
        self.latency_squares += weight * seconds * seconds;
    }

    /// Multiplies what is known of quality.
    pub(crate) fn discount(&mut self, keep: f64) {
        self.quality.rescale(keep);
        self.squares *= keep;
        self.revision += 1;
        self.quality_revision += 1;
    }

    /// Multiplies every sum, which moves them to another epoch.
    pub(crate) fn rescale(&mut self, factor: f64) {
        self.discount(factor);
        self.lengths.rescale(factor);
        self.latency.rescale(factor);
        self.latency_squares *= factor;
        self.failures.rescale(factor);
        self.length_revision += 1;
    }
}
