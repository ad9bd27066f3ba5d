//! Thompson sampling from a Beta posterior per arm, without context (Agrawal and Goyal, COLT 2012).
//!
//! A Beta variable is a ratio of two gamma variables, each the cube of a normal (Wilson and Hilferty, PNAS 17, 1931):
//! no draw is ever rejected, so each has its index.

use super::{Contender, draws};
use crate::rng::{normal_cell, normal_table};

/// Adds to each contender its share of the draws it wins.
pub(super) fn share(contenders: &[Contender], seed: u64, shares: &mut [f64]) {
    let table = normal_table();
    let score = |position: usize, stream: crate::rng::Stream, index: u64| {
        let normal = |index| table[normal_cell(stream.word(index))];
        let contender: &Contender = &contenders[position];
        contender.utility(Beta::of(contender).draw(normal(2 * index), normal(2 * index + 1)))
    };
    draws::share(contenders, seed, |_| true, score, shares);
}

/// The posterior of one arm's quality: a uniform prior and what was observed.
struct Beta {
    good: f64,
    bad: f64,
}

impl Beta {
    fn of(contender: &Contender) -> Self {
        let quality = contender.quality.clamp(0.0, 1.0);
        Self { good: 1.0 + contender.evidence * quality, bad: 1.0 + contender.evidence * (1.0 - quality) }
    }

    fn draw(&self, z: f64, other: f64) -> f64 {
        let (good, bad) = (gamma(self.good, z), gamma(self.bad, other));
        let sum = good + bad;
        if sum > 0.0 { good / sum } else { self.good / (self.good + self.bad) }
    }
}

/// A gamma variable of a shape of at least 1, from a normal.
fn gamma(shape: f64, z: f64) -> f64 {
    let centre = shape - 1.0 / 3.0;
    let root = (1.0 + z / (3.0 * centre.sqrt())).max(0.0);
    centre * (root * root * root)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::NORMAL_CELLS;

    #[test]
    fn draws_have_the_mean_and_the_spread_of_the_beta_law() {
        let table = normal_table();
        for (good, bad, tolerance) in [(2.0, 2.0, 0.07), (8.0, 3.0, 0.03), (150.0, 50.0, 0.01)] {
            let beta = Beta { good, bad };
            // Every 16th quantile of one normal with every 16th of the other: an integral without chance.
            let cells = || (8..NORMAL_CELLS).step_by(16).map(|cell| table[cell]);
            let draws: Vec<f64> =
                cells().flat_map(|z| cells().map(move |other| (z, other))).map(|(z, o)| beta.draw(z, o)).collect();
            let mean = draws.iter().sum::<f64>() / draws.len() as f64;
            let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / draws.len() as f64;
            let sum: f64 = good + bad;
            assert!((mean - good / sum).abs() < 2e-3, "mean of {good}, {bad}: {mean}");
            let expected = good * bad / (sum * sum * (sum + 1.0));
            assert!((variance / expected - 1.0).abs() < tolerance, "variance of {good}, {bad}: {variance}");
        }
    }

    #[test]
    fn when_both_gammas_are_nought_the_mean_is_drawn() {
        let beta = Beta { good: 1.0, bad: 1.0 };
        assert_eq!(beta.draw(-9.0, -9.0), 0.5);
        assert_eq!(beta.draw(-9.0, 0.0), 0.0);
        assert_eq!(beta.draw(0.0, -9.0), 1.0);
    }
}
