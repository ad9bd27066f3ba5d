//! What the engine has learned: additive, decayed sums per arm and for the context gate.
//!
//! Every figure but the common slopes is a plain weighted sum, so outcomes may come late or in any order and sums of
//! several replicas may be added. Nothing here divides: turning sums into estimates is the business of others.

#![allow(clippy::inline_always, reason = "only what is inlined is compiled for the wider registers of a processor")]

use std::collections::{BTreeMap, HashMap};

use crate::common::Common;
use crate::decay::Decay;
use crate::gate::Gate;
use crate::linalg::Lane;
use crate::parameters::Parameters;
use crate::query::Outcome;
use crate::sums::ArmStatistics;
use crate::tenants::{Lesson, Tenants};

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
    /// Whether context is used.
    pub gate: Gate,
    /// What the arms have in common.
    pub common: Common,
    /// How tenants differ.
    pub tenants: Tenants,
    /// Sums by arm, in order of first appearance; never shrinks.
    arms: Vec<ArmStatistics>,
    slots: HashMap<String, usize>,
    /// Slots in the order of the arms' names.
    named: Vec<usize>,
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
            common: Common::empty(size),
            tenants: Tenants::default(),
            arms: Vec::new(),
            slots: HashMap::new(),
            named: Vec::new(),
        }
    }

    /// Sums of every arm that was ever learned.
    #[must_use]
    pub fn arms(&self) -> &[ArmStatistics] {
        &self.arms
    }

    /// The same, ascending by name.
    #[must_use]
    pub fn by_name(&self) -> impl ExactSizeIterator<Item = &ArmStatistics> {
        self.named.iter().map(|slot| &self.arms[*slot])
    }

    /// Where an arm's sums are, once it has been learned.
    #[must_use]
    pub fn slot(&self, name: &str) -> Option<usize> {
        self.slots.get(name).copied()
    }

    /// Takes in the sums of a new arm.
    pub fn adopt(&mut self, arm: ArmStatistics) -> usize {
        let slot = self.arms.len();
        let place = self.named.partition_point(|slot| self.arms[*slot].name < arm.name);
        self.named.insert(place, slot);
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
    #[inline(always)]
    pub fn learn(&mut self, outcome: &Outcome, vector: &[Lane], parameters: &Parameters) -> (usize, bool) {
        let moment = outcome.moment();
        self.rebase(moment, parameters.decay);
        let weight = parameters.decay.weight(moment, self.epoch);
        let known = self.slot(outcome.arm);
        let slot = known.unwrap_or_else(|| self.adopt(ArmStatistics::empty(outcome.arm.to_owned(), self.size)));
        let (arm, vector) = (&mut self.arms[slot], vector.as_flattened());
        arm.revision += 1;
        if let Some(tokens) = outcome.output_tokens {
            arm.learn_length(weight, vector, tokens);
        }
        if let Some(seconds) = outcome.latency {
            arm.learn_latency(weight, seconds);
        }
        if let Some(failed) = outcome.failed {
            arm.failures.add(weight, f64::from(u8::from(failed)));
        }
        if let Some(quality) = outcome.quality {
            arm.learn_quality(weight, vector, quality);
            self.common.age += 1;
            if let Some(predictions) = outcome.predicted_mean.zip(outcome.predicted_linear) {
                self.compare(outcome, slot, weight, quality, predictions, parameters);
            }
        }
        (slot, known.is_none())
    }

    /// Keeps a share of what is known of an arm's quality. False for an arm that nothing is known of.
    pub fn discount(&mut self, arm: &str, keep: f64) -> bool {
        let Some(slot) = self.slot(arm) else { return false };
        self.arms[slot].discount(keep);
        self.tenants.discount(slot, keep);
        true
    }

    /// What sums are multiplied by to judge an outcome of a moment.
    ///
    /// A late one is judged at the epoch: reading earlier would magnify all evidence since.
    #[must_use]
    pub fn scale_of_lesson(&self, moment: i64, decay: Decay) -> f64 {
        decay.scale(decay.tick(moment.max(self.epoch)), self.epoch)
    }

    /// Teaches gate and tenant how a graded answer differs from what had been predicted of it.
    fn compare(
        &mut self,
        outcome: &Outcome,
        slot: usize,
        weight: f64,
        quality: f64,
        predictions: (f64, f64),
        parameters: &Parameters,
    ) {
        self.gate.learn(weight, quality, predictions);
        self.gate.settle(self.scale_of_lesson(outcome.moment(), parameters.decay), parameters);
        if let Some(tenant) = outcome.tenant {
            let lesson = Lesson { tenant, slot, learned: self.learned, weight, quality, predictions };
            self.tenants.learn(&lesson, parameters.tenant_limit);
        }
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
