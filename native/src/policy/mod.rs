//! How a learner turns predictions into the share of draws that each contender wins.
//!
//! One enum, one file per policy. A policy sees contenders only, never the engine, and is a pure function of them and
//! the seed.

mod draws;
mod greedy;
mod linucb;
mod squarecb;
mod thompson;
mod thompson_beta;
mod ucb1;

use crate::parameters::Parameters;
pub use draws::DRAWS;

/// How uncertainty turns into exploration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learner {
    /// Linear Thompson sampling: one normal per contender and draw, `scale` times the posterior width.
    Thompson,
    /// Optimism: the mean plus `alpha` times the posterior width.
    Linucb,
    /// Inverse-gap weighting: the further behind the best prediction, the rarer.
    Squarecb,
    /// The mean alone.
    Greedy,
    /// Optimism by counts, without context.
    Ucb1,
    /// Thompson sampling from a Beta posterior per contender, without context.
    ThompsonBeta,
}

/// A candidate that is still in the running.
#[derive(Clone, Copy, Debug)]
pub struct Contender {
    /// Served prediction of quality, unclamped.
    pub quality: f64,
    /// Standard deviation of that prediction, in units of the residual's.
    pub width: f64,
    /// Effective observations behind it, the prior's one among them.
    pub evidence: f64,
    /// Probability of an answer.
    pub success: f64,
    /// Utility that cost and latency take.
    pub penalty: f64,
    /// Expected cost, which breaks ties.
    pub cost: f64,
}

impl Contender {
    /// Utility if the quality were this.
    #[inline]
    #[must_use]
    pub fn utility(&self, quality: f64) -> f64 {
        quality * self.success - self.penalty
    }
}

impl Learner {
    /// Whether features may shape what this learner predicts.
    #[must_use]
    pub const fn is_contextual(self) -> bool {
        !matches!(self, Self::Ucb1 | Self::ThompsonBeta)
    }

    /// Multiples of its width between which every quality lies that this learner scores a contender by.
    #[must_use]
    pub fn reach(self, parameters: &Parameters) -> (f64, f64) {
        match self {
            Self::Thompson => thompson::reach(parameters.scale),
            Self::Linucb => (parameters.alpha, parameters.alpha),
            Self::Squarecb | Self::Greedy | Self::Ucb1 | Self::ThompsonBeta => (0.0, 0.0),
        }
    }

    /// Writes the share of draws that each contender wins; `shares` is as long as the contenders.
    pub fn share(self, contenders: &[Contender], parameters: &Parameters, seed: u64, shares: &mut [f64]) {
        shares.fill(0.0);
        match self {
            Self::Thompson => thompson::share(contenders, parameters.scale, seed, shares),
            Self::Linucb => shares[linucb::best_of(contenders, parameters.alpha)] = 1.0,
            Self::Squarecb => squarecb::share(contenders, parameters.gamma, shares),
            Self::Greedy => shares[greedy::best_of(contenders)] = 1.0,
            Self::Ucb1 => shares[ucb1::best_of(contenders, parameters.alpha)] = 1.0,
            Self::ThompsonBeta => thompson_beta::share(contenders, seed, shares),
        }
    }
}

/// Position of the highest expected utility; equal ones go to the lower cost, then to the earlier position.
#[must_use]
pub fn leader(contenders: &[Contender]) -> usize {
    greedy::best_of(contenders)
}

/// Effective observations behind all contenders.
fn evidence(contenders: &[Contender]) -> f64 {
    contenders.iter().fold(0.0, |sum, contender| sum + contender.evidence)
}

/// Position of the highest score; equal scores go to the lower cost, then to the earlier position.
fn best(contenders: &[Contender], score: impl Fn(&Contender) -> f64) -> usize {
    let mut leader = (f64::NEG_INFINITY, f64::INFINITY, 0);
    for (position, contender) in contenders.iter().enumerate() {
        let score = score(contender);
        if score > leader.0 || (score == leader.0 && contender.cost < leader.1) {
            leader = (score, contender.cost, position);
        }
    }
    leader.2
}
