//! One choice among predicted candidates: set some aside, build the exact distribution, draw from it.
//!
//! Entered by the engine, which predicts; the field only compares. It is reused from choice to choice for its memory
//! and remembers nothing else.

use crate::choice::{Choice, Exclusion, FIGURES, OFFER_SIZE};
use crate::parameters::Parameters;
use crate::policy::Contender;
use crate::query::Query;
use crate::rng::{PICK_STREAM, Stream};

/// Share of the exploration distribution that is uniform, so that no propensity of a contender is ever zero.
const EXPLORATION_FLOOR: f64 = 0.1;

/// What is expected of one candidate.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    /// Index of its arm among the loaded ones.
    pub arm: usize,
    /// Served prediction of quality, unclamped.
    pub quality: f64,
    /// Plain mean of quality, for everybody.
    pub mean: f64,
    /// Standard deviation of the plain mean, in units of the residual's.
    pub width: f64,
    /// Effective observations behind the plain mean.
    pub evidence: f64,
    /// Share of failures.
    pub failure_rate: f64,
    /// Nano-US-dollars.
    pub cost: f64,
    /// Seconds.
    pub latency: f64,
    /// 95th percentile of latency in seconds, which the objective is held against.
    pub slow_latency: f64,
    /// Utility by which the penalty is lessened.
    pub favour: f64,
    /// Why it is out, if it is.
    pub exclusion: Option<Exclusion>,
}

impl Candidate {
    fn contend(&self, (cost_weight, latency_weight): (f64, f64), parameters: &Parameters) -> Contender {
        Contender {
            quality: self.quality,
            width: self.width,
            evidence: self.evidence,
            success: 1.0 - self.failure_rate,
            penalty: cost_weight * self.cost / parameters.cost_scale
                + latency_weight * self.latency / parameters.latency_scale
                - self.favour,
            cost: self.cost,
        }
    }
}

/// The candidates of one query, and who is left of them.
#[derive(Debug, Default)]
pub struct Field {
    /// In the order of the query.
    pub candidates: Vec<Candidate>,
    /// Positions not set aside, ascending.
    pub remaining: Vec<usize>,
    /// No candidate reached the quality floor.
    pub floor_unmet: bool,
    /// No candidate met the latency objective.
    pub slo_unmet: bool,
    /// The remaining candidates as a learner sees them, position by position.
    pub contenders: Vec<Contender>,
    /// Every candidate, set aside or not.
    valued: Vec<Contender>,
    distribution: Vec<f64>,
    ratios: Vec<f64>,
}

impl Field {
    /// Empties the field for the next query.
    pub fn clear(&mut self) {
        self.candidates.clear();
        self.floor_unmet = false;
        self.slo_unmet = false;
    }

    /// Applies the request's own limits in their fixed order: cost (hard), quality floor, latency objective.
    pub fn set_aside(&mut self, query: &Query) {
        self.remaining.clear();
        self.remaining.extend(0..self.candidates.len());
        if let Some(limit) = query.max_cost {
            self.keep(Exclusion::MaxCost, |candidate| candidate.cost <= limit);
        }
        if self.remaining.is_empty() {
            return;
        }
        if let Some(floor) = query.quality_floor {
            let reaches = |candidate: &Candidate| candidate.quality.clamp(0.0, 1.0) >= floor;
            self.floor_unmet = !self.any(reaches);
            if !self.floor_unmet {
                self.keep(Exclusion::QualityFloor, reaches);
            }
        }
        if let Some(limit) = query.latency_slo {
            self.slo_unmet = !self.any(|candidate| candidate.slow_latency <= limit);
            let fastest = self.remaining.iter().map(|&position| self.candidates[position].slow_latency);
            // Best effort: when nobody meets the objective, only the fastest stay.
            let limit = if self.slo_unmet { fastest.fold(f64::INFINITY, f64::min) } else { limit };
            self.keep(Exclusion::LatencySlo, |candidate| candidate.slow_latency <= limit);
        }
    }

    /// Values the candidates by the weights of the query; without the floor met, by quality alone.
    pub fn value(&mut self, query: &Query, parameters: &Parameters) {
        let weights = self.weights(query);
        self.valued.clear();
        self.valued.extend(self.candidates.iter().map(|candidate| candidate.contend(weights, parameters)));
        self.contenders.clear();
        self.contenders.extend(self.remaining.iter().map(|&position| self.valued[position]));
    }

    /// Draws from the contenders and reports on all candidates, but for the chosen arm's predictions.
    pub fn decide(&mut self, query: &Query, features: &[u8], parameters: &Parameters) -> Choice {
        self.distribute(query.seed, self.weights(query).0, parameters);
        let count = self.candidates.len();
        let mut figures = Vec::with_capacity(FIGURES * count);
        figures.resize(count, 0.0);
        for (&position, share) in self.remaining.iter().zip(&self.distribution) {
            figures[position] = *share;
        }
        figures.extend(self.valued.iter().map(|candidate| candidate.utility(candidate.quality)));
        figures.extend(self.candidates.iter().map(|candidate| candidate.quality.clamp(0.0, 1.0)));
        figures.extend(self.candidates.iter().map(|candidate| candidate.cost));
        figures.extend(self.candidates.iter().map(|candidate| candidate.latency));
        figures.extend(self.candidates.iter().map(|candidate| candidate.failure_rate));
        let mut bytes = Vec::with_capacity(features.len() + OFFER_SIZE * count);
        bytes.extend_from_slice(features);
        bytes.extend(query.candidates.iter().flat_map(|offer| offer.to_le_bytes()));
        let excluded = |(position, candidate): (usize, &Candidate)| Some((position, candidate.exclusion?));
        Choice {
            chosen: self.draw(query.seed),
            exclusions: self.candidates.iter().enumerate().filter_map(excluded).collect(),
            floor_unmet: self.floor_unmet,
            slo_unmet: self.slo_unmet,
            context_on: false,
            predicted_mean: 0.0,
            predicted_linear: 0.0,
            figures,
            bytes,
        }
    }

    /// The learner's distribution mixed with exploration: p = (1 - epsilon) learner + epsilon exploration.
    fn distribute(&mut self, seed: u64, cost_weight: f64, parameters: &Parameters) {
        let contenders = &self.contenders;
        self.distribution.clear();
        self.distribution.resize(contenders.len(), 1.0);
        if contenders.len() < 2 {
            return;
        }
        let count = contenders.len() as f64;
        let cheapest = contenders.iter().map(|contender| contender.cost).fold(f64::INFINITY, f64::min);
        let ratio =
            |contender: &Contender| libm::exp(-cost_weight * (contender.cost - cheapest) / parameters.cost_scale);
        parameters.learner.share(contenders, parameters, seed, &mut self.distribution);
        self.ratios.clear();
        self.ratios.extend(contenders.iter().map(ratio));
        let total: f64 = self.ratios.iter().sum();
        for (share, ratio) in self.distribution.iter_mut().zip(&self.ratios) {
            let exploration = (1.0 - EXPLORATION_FLOOR) * ratio / total + EXPLORATION_FLOOR / count;
            *share = (1.0 - parameters.epsilon) * *share + parameters.epsilon * exploration;
        }
    }

    /// The first position whose cumulative probability is above one uniform number.
    fn draw(&self, seed: u64) -> Option<usize> {
        let point = Stream::new(seed, PICK_STREAM).uniform(0);
        let mut sum = 0.0;
        let hit = self.distribution.iter().position(|share| {
            sum += share;
            sum > point
        });
        hit.map_or(self.remaining.last(), |hit| self.remaining.get(hit)).copied()
    }

    /// Weights of cost and latency. Without a candidate that reaches the floor, quality is all that counts.
    fn weights(&self, query: &Query) -> (f64, f64) {
        if self.floor_unmet { (0.0, 0.0) } else { (query.cost_weight, query.latency_weight) }
    }

    fn any(&self, holds: impl Fn(&Candidate) -> bool) -> bool {
        self.remaining.iter().any(|&position| holds(&self.candidates[position]))
    }

    fn keep(&mut self, otherwise: Exclusion, holds: impl Fn(&Candidate) -> bool) {
        self.remaining.retain(|&position| {
            let candidate = &mut self.candidates[position];
            let stays = holds(candidate);
            if !stays {
                candidate.exclusion = Some(otherwise);
            }
            stays
        });
    }
}
