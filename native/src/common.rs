//! What the arms of a pool have in common: slopes towards which every arm's own are shrunk.
//!
//! Read anew from the sums of all arms after so many graded outcomes, and kept with the state in between, so that a
//! restored engine reads the same. The hybrid model of Li, Chu, Langford and Schapire (WWW 2010), as an empirical-Bayes
//! prior mean. `statistics` keeps the result and `engine` asks for a reading; nothing here is changed by a choice.

use crate::factor::Factor;
use crate::linalg::{Lane, triangle, vector};
use crate::processor::Processor;
use crate::statistics::PoolStatistics;
use crate::sums::LinearSums;

/// Graded outcomes between two readings.
pub const READING_PERIOD: i64 = 32;

/// The common slopes as last read.
#[derive(Clone, Debug, PartialEq)]
pub struct Common {
    /// What the common slopes add for every query, then the slopes.
    pub coefficients: Vec<f64>,
    /// Graded outcomes since they were read, below the period.
    pub age: i64,
    /// Moves with every reading; caches compare it.
    pub revision: u64,
}

impl Common {
    /// Nothing in common yet; `size` is the feature dimension plus one.
    #[must_use]
    pub fn empty(size: usize) -> Self {
        Self { coefficients: vec![0.0; size], age: 0, revision: 1 }
    }

    /// What the common slopes add for every query, and the slopes.
    #[must_use]
    pub fn split(&self) -> (f64, &[f64]) {
        self.coefficients.split_first().map_or((0.0, &[]), |(bias, slopes)| (*bias, slopes))
    }

    /// Whether it is time to read them anew.
    #[must_use]
    pub const fn is_due(&self) -> bool {
        self.age >= READING_PERIOD
    }
}

/// Largest coefficient; beyond it there is nothing but rounding.
const MAGNITUDE_LIMIT: f64 = 1e100;

/// Reads common slopes. Its memory is kept from reading to reading.
#[derive(Debug)]
pub struct CommonReader {
    /// Within-arm sums of squares: lower triangle of the features without the leading 1.
    moments: Vec<f64>,
    /// Within-arm sums of products with quality, solved for the slopes in place.
    slopes: Vec<Lane>,
    /// Sum of w x over all arms.
    totals: Vec<f64>,
    /// Sum of w x² over all arms: what rounding of the moments is measured by.
    squares: Vec<f64>,
    /// Sum of w x of one arm.
    sums: Vec<f64>,
    factor: Factor,
    processor: Processor,
}

impl CommonReader {
    /// Room for a reading; `size` is the feature dimension plus one.
    #[must_use]
    pub fn new(size: usize, processor: Processor) -> Self {
        let dimension = size - 1;
        Self {
            moments: vec![0.0; triangle(dimension)],
            slopes: vector(dimension),
            totals: vec![0.0; dimension],
            squares: vec![0.0; dimension],
            sums: vec![0.0; dimension],
            factor: Factor::new(dimension, processor),
            processor,
        }
    }

    /// Replaces the common slopes by those of the sums as they are, read at a scale.
    pub fn read(&mut self, statistics: &mut PoolStatistics, scale: f64, precision: f64) {
        let count = self.gather(statistics);
        let common = &mut statistics.common;
        common.age = 0;
        common.revision += 1;
        common.coefficients.fill(0.0);
        if count > 0.0 {
            self.solve(scale, precision);
            let slopes = &self.slopes.as_flattened()[..self.totals.len()];
            let offset: f64 = slopes.iter().zip(&self.totals).map(|(slope, total)| slope * (total / count)).sum();
            if slopes.iter().chain([&offset]).all(|number| number.abs() <= MAGNITUDE_LIMIT) {
                common.coefficients[0] = -offset;
                common.coefficients[1..].copy_from_slice(slopes);
            }
        }
    }

    fn solve(&mut self, scale: f64, precision: f64) {
        self.slopes.as_flattened_mut().iter_mut().for_each(|product| *product *= scale);
        self.factor.refresh_centred(&self.moments, &self.squares, scale, precision);
        self.factor.whiten(&mut self.slopes);
        self.factor.whiten_transposed(&mut self.slopes);
    }

    /// Adds up what is left of each arm's sums around its own means, in the order of the names. The weight of all arms.
    fn gather(&mut self, statistics: &PoolStatistics) -> f64 {
        self.moments.fill(0.0);
        self.slopes.as_flattened_mut().fill(0.0);
        self.totals.fill(0.0);
        self.squares.fill(0.0);
        let mut whole = 0.0;
        for arm in statistics.by_name().filter(|arm| arm.quality.moments[0] > 0.0) {
            whole += arm.quality.moments[0];
            self.add(&arm.quality);
        }
        whole
    }

    fn add(&mut self, LinearSums { moments, products }: &LinearSums) {
        let count = moments[0];
        let mean = products[0] / count;
        for (feature, slope) in self.slopes.as_flattened_mut()[..self.sums.len()].iter_mut().enumerate() {
            let start = triangle(feature + 1);
            let sum = moments[start];
            *slope += products[feature + 1] - sum * mean;
            self.sums[feature] = sum;
            self.totals[feature] += sum;
            self.squares[feature] += moments[start + feature + 1];
        }
        let (within, sums) = (&mut self.moments, &self.sums);
        self.processor.run(
            #[inline(always)]
            || {
                for (row, sum) in sums.iter().enumerate() {
                    let (from, to) = (triangle(row + 1) + 1, triangle(row));
                    let (cells, targets) = (&moments[from..=from + row], &mut within[to..=to + row]);
                    for ((target, cell), other) in targets.iter_mut().zip(cells).zip(sums) {
                        *target += cell - sum * other / count;
                    }
                }
            },
        );
    }
}
