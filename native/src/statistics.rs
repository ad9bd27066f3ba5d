//! What the engine has learned: additive, decayed sums per arm and for the context gate.
//!
//! Every figure is a plain weighted sum, so outcomes may come late or in any order and sums of several replicas may be
//! added. Nothing here divides: turning sums into estimates is the business of `posterior`.

use std::collections::{BTreeMap, HashMap};

use crate::decay::Decay;
use crate::linalg::{Lane, triangle};
use crate::parameters::Parameters;
use crate::query::Outcome;
use crate::tenants::{Lesson, Tenants};

/// Sum of weights and of weighted values.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    /// Sum of weights.
    pub count: f64,
    /// Sum of weight times value.
    pub sum: f64,
}

impl Tally {
    fn add(&mut self, weight: f64, value: f64) {
        self.count += weight;
        self.sum += weight * value;
    }

    /// The mean at a scale, with a prior worth `prior_count` observations.
    #[must_use]
    pub fn mean(self, scale: f64, prior: f64, prior_count: f64) -> f64 {
        (scale * self.sum + prior_count * prior) / (scale * self.count + prior_count)
    }
}

/// Weighted sums of one arm (w = weight, x = features with a leading 1, q = quality).
#[derive(Clone, Debug)]
pub struct ArmStatistics {
    /// Name of the arm.
    pub name: String,
    /// Sum of w x xᵀ: lower triangle, row by row.
    pub moments: Vec<f64>,
    /// Sum of w q x.
    pub rewards: Vec<f64>,
    /// Sum of w q².
    pub squares: f64,
    /// Output tokens.
    pub tokens: Tally,
    /// Latency in seconds.
    pub latency: Tally,
    /// Failures (1) and successes (0).
    pub failures: Tally,
    /// Moves with every change; caches compare it.
    pub revision: u64,
    /// Moves with every change of moments and rewards.
    pub quality_revision: u64,
}

impl ArmStatistics {
    /// No evidence about an arm; `size` is the feature dimension plus one.
    #[must_use]
    pub fn empty(name: String, size: usize) -> Self {
        Self {
            name,
            moments: vec![0.0; triangle(size)],
            rewards: vec![0.0; size],
            squares: 0.0,
            tokens: Tally::default(),
            latency: Tally::default(),
            failures: Tally::default(),
            revision: 1,
            quality_revision: 1,
        }
    }

    fn learn_quality(&mut self, weight: f64, vector: &[f64], quality: f64) {
        let mut rest = self.moments.as_mut_slice();
        for row in 0..self.rewards.len() {
            let (cells, below) = rest.split_at_mut(row + 1);
            let weighted = weight * vector[row];
            for (cell, value) in cells.iter_mut().zip(vector) {
                *cell += weighted * value;
            }
            rest = below;
        }
        for (reward, value) in self.rewards.iter_mut().zip(vector) {
            *reward += weight * quality * value;
        }
        self.squares += weight * quality * quality;
        self.quality_revision += 1;
    }

    fn rescale(&mut self, factor: f64) {
        let tallies = [&mut self.tokens, &mut self.latency, &mut self.failures];
        let tallies = tallies.into_iter().flat_map(|tally| [&mut tally.count, &mut tally.sum]);
        for sum in self.moments.iter_mut().chain(&mut self.rewards).chain([&mut self.squares]).chain(tallies) {
            *sum *= factor;
        }
        self.revision += 1;
        self.quality_revision += 1;
    }
}

/// Progressive validation of the linear model against the plain mean, from predictions made before the outcome.
///
/// With d = (q - mean)² - (q - linear)².
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Gate {
    /// Sum of w d.
    pub advantage: f64,
    /// Sum of w d².
    pub spread: f64,
    /// Sum of w.
    pub weight: f64,
    /// Whether context has earned its place.
    pub is_open: bool,
}

impl Gate {
    fn learn(&mut self, weight: f64, quality: f64, (mean, linear): (f64, f64)) {
        let difference = (quality - mean) * (quality - mean) - (quality - linear) * (quality - linear);
        self.advantage += weight * difference;
        self.spread += weight * difference * difference;
        self.weight += weight;
    }

    /// Standard errors by which the linear model leads, with sums read at a scale.
    #[must_use]
    pub fn z(&self, scale: f64) -> f64 {
        if self.spread > 0.0 { scale.sqrt() * self.advantage / self.spread.sqrt() } else { 0.0 }
    }

    /// Opens above one margin once there is evidence enough, closes below the other, else stays.
    fn settle(&mut self, scale: f64, parameters: &Parameters) {
        let z = self.z(scale);
        if self.weight * scale >= parameters.context_min_weight && z > parameters.context_on_z {
            self.is_open = true;
        } else if z < parameters.context_off_z {
            self.is_open = false;
        }
    }

    fn rescale(&mut self, factor: f64) {
        self.advantage *= factor;
        self.spread *= factor;
        self.weight *= factor;
    }
}

/// Everything learned by one pool.
#[derive(Clone, Debug)]
pub struct PoolStatistics {
    /// Feature dimension plus one.
    pub size: usize,
    /// Moment, Unix nanoseconds, at which an outcome weighs 1.
    pub epoch: i64,
    /// Outcomes taken in.
    pub learned: i64,
    /// Last sequence taken in, by replica.
    pub high_water: BTreeMap<String, i64>,
    /// Whether context earns its place.
    pub gate: Gate,
    /// How tenants differ.
    pub tenants: Tenants,
    /// Sums by arm, in order of first appearance; never shrinks.
    arms: Vec<ArmStatistics>,
    slots: HashMap<String, usize>,
}

impl PoolStatistics {
    /// A pool that has learned nothing.
    #[must_use]
    pub fn empty(size: usize) -> Self {
        Self {
            size,
            epoch: 0,
            learned: 0,
            high_water: BTreeMap::new(),
            gate: Gate::default(),
            tenants: Tenants::default(),
            arms: Vec::new(),
            slots: HashMap::new(),
        }
    }

    /// Sums of every arm that was ever learned.
    #[must_use]
    pub fn arms(&self) -> &[ArmStatistics] {
        &self.arms
    }

    /// Where an arm's sums are, once it has been learned.
    #[must_use]
    pub fn slot(&self, name: &str) -> Option<usize> {
        self.slots.get(name).copied()
    }

    /// Takes in the sums of a new arm.
    pub fn adopt(&mut self, arm: ArmStatistics) -> usize {
        let slot = self.arms.len();
        self.slots.insert(arm.name.clone(), slot);
        self.arms.push(arm);
        slot
    }

    /// Notes a sequence number. False, without a change, when it is not above the replica's mark.
    pub fn admit(&mut self, replica: &str, sequence: i64) -> bool {
        match self.high_water.get_mut(replica) {
            Some(mark) if sequence <= *mark => return false,
            Some(mark) => *mark = sequence,
            None => {
                self.high_water.insert(replica.to_owned(), sequence);
            }
        }
        self.learned = self.learned.saturating_add(1);
        true
    }

    /// Adds the figures of a valid outcome, whose unpacked features are `vector`. Where its arm is, and whether it is new.
    pub fn learn(&mut self, outcome: &Outcome, vector: &[Lane], parameters: &Parameters) -> (usize, bool) {
        let decay = parameters.decay;
        let moment = outcome.decided.min(outcome.now);
        self.rebase(moment, decay);
        let weight = decay.weight(moment, self.epoch);
        let known = self.slot(outcome.arm);
        let slot = known.unwrap_or_else(|| self.adopt(ArmStatistics::empty(outcome.arm.to_owned(), self.size)));
        let arm = &mut self.arms[slot];
        arm.revision += 1;
        if let Some(quality) = outcome.quality {
            arm.learn_quality(weight, vector.as_flattened(), quality);
            if let Some(predictions) = outcome.predicted_mean.zip(outcome.predicted_linear) {
                self.gate.learn(weight, quality, predictions);
                // A late outcome is judged at the epoch: reading earlier would magnify all evidence since.
                let scale = decay.scale(decay.tick(moment.max(self.epoch)), self.epoch);
                self.gate.settle(scale, parameters);
                if let Some(tenant) = outcome.tenant {
                    let learned = self.learned;
                    let lesson = Lesson { tenant, slot, learned, weight, quality, predictions };
                    self.tenants.learn(&lesson, parameters.tenant_limit);
                }
            }
        }
        if let Some(tokens) = outcome.output_tokens {
            arm.tokens.add(weight, tokens);
        }
        if let Some(seconds) = outcome.latency {
            arm.latency.add(weight, seconds);
        }
        if let Some(failed) = outcome.failed {
            arm.failures.add(weight, f64::from(u8::from(failed)));
        }
        (slot, known.is_none())
    }

    fn rebase(&mut self, moment: i64, decay: Decay) {
        if let Some((epoch, factor)) = decay.rebase(moment, self.epoch) {
            for arm in &mut self.arms {
                arm.rescale(factor);
            }
            self.gate.rescale(factor);
            self.tenants.rescale(factor);
            self.epoch = epoch;
        }
    }
}
