//! The engine of one pool: load, choose, learn, checkpoint.
//!
//! Entered by `python` and by tests; one caller at a time. Everything is judged before anything changes, so a refusal
//! leaves it as it was. It never reads a clock and never draws chance on its own.

use crate::arm::{self, Arm, Offer};
use crate::checkpoint;
use crate::choice::Choice;
use crate::error::{Fault, Kind};
use crate::features::{FlagExtractor, SCHEMA};
use crate::field::{Candidate, Field};
use crate::linalg::{Lane, vector};
use crate::loaded::{ArmSummary, Loaded};
use crate::parameters::{ContextMode, Parameters};
use crate::policy::{self, Contender};
use crate::query::{Outcome, Query, check_features, unpack};
use crate::statistics::PoolStatistics;

/// Prices are per this many tokens.
const TOKENS_PER_PRICE: f64 = 1e6;
/// How far rounding may carry a measured variance above the prior's.
const PRIOR_WIDTH_SLACK: f64 = 1.0 + 1e-6;

/// A selection engine for one pool.
#[derive(Debug)]
pub struct Engine {
    parameters: Parameters,
    extractor: Option<FlagExtractor>,
    generation: i64,
    arms: Vec<Loaded>,
    offers: Vec<Offer>,
    statistics: PoolStatistics,
    /// Memory of one choice, kept from call to call.
    field: Field,
    features: Vec<Lane>,
    whitened: Vec<Lane>,
    choices: u64,
    panics: u32,
}

impl Engine {
    /// An engine that has loaded and learned nothing.
    ///
    /// # Errors
    /// `Kind::Engine` when a parameter is out of range.
    pub fn new(parameters: Parameters) -> Result<Self, Fault> {
        parameters.check()?;
        let size = parameters.dimension + 1;
        Ok(Self {
            extractor: (parameters.schema == SCHEMA).then(FlagExtractor::new),
            generation: 0,
            arms: Vec::new(),
            offers: Vec::new(),
            statistics: PoolStatistics::empty(size),
            field: Field::default(),
            features: vector(size),
            whitened: vector(size),
            choices: 0,
            panics: 0,
            parameters,
        })
    }

    /// Generation of the arms loaded, 0 before the first load.
    #[must_use]
    pub const fn generation(&self) -> i64 {
        self.generation
    }

    /// What was learned.
    #[must_use]
    pub const fn statistics(&self) -> &PoolStatistics {
        &self.statistics
    }

    /// Whether the linear model is served.
    #[must_use]
    pub const fn context_on(&self) -> bool {
        match self.parameters.context {
            ContextMode::Auto => self.statistics.gate.is_open,
            ContextMode::On => true,
            ContextMode::Off => false,
        }
    }

    /// Replaces arms, priors and prices; learned statistics stay with the arm's name.
    ///
    /// # Errors
    /// `Kind::Stale` unless the generation is above the one loaded, `Kind::Engine` for arms or offers out of range.
    pub fn load(&mut self, arms: Vec<Arm>, offers: Vec<Offer>, generation: i64) -> Result<(), Fault> {
        Kind::Stale
            .unless(generation > self.generation, "a load must carry a higher generation than the one loaded")?;
        arm::check(&arms, &offers)?;
        self.arms = arms.into_iter().map(|arm| Loaded::new(arm, &self.statistics)).collect();
        self.offers = offers;
        self.generation = generation;
        Ok(())
    }

    /// Features of a text under the built-in schema, packed little-endian float32.
    ///
    /// # Errors
    /// `Kind::Query` when the schema is a caller's own.
    pub fn features(&self, text: &str) -> Result<Vec<u8>, Fault> {
        let extractor = self.extractor.as_ref();
        extractor
            .map(|extractor| extractor.extract(text))
            .ok_or(Kind::Query.because("features of this schema cannot be computed from text"))
    }

    /// Refuses a caller who has other arms in mind.
    ///
    /// # Errors
    /// `Kind::Stale` unless this generation is loaded.
    pub fn expect_generation(&self, generation: i64) -> Result<(), Fault> {
        Kind::Stale.unless(generation == self.generation, "the query was made against another generation of arms")
    }

    /// Chooses one candidate. Nothing but caches changes: the same state and query give the same choice.
    ///
    /// # Errors
    /// `Kind::Stale` for another generation, `Kind::Query` for a query that breaks the contract.
    ///
    /// # Panics
    /// Only when `inject_panic` asked for it.
    pub fn choose(&mut self, query: &Query) -> Result<Choice, Fault> {
        self.expect_generation(query.generation)?;
        self.check_candidates(query.candidates)?;
        query.check()?;
        let packed = match query.text {
            Some(text) => self.features(text)?,
            None => query.features.unwrap_or_default().to_vec(),
        };
        check_features(&packed, self.parameters.dimension, Kind::Query)?;
        unpack(&packed, &mut self.features);
        let scale = self.scale(query.now);
        let context_on = self.context_on();
        self.predict(query, scale, context_on);
        assert!(!self.drill_is_due(), "a drill: this choice was asked to fail");
        self.field.set_aside(query);
        self.field.value(query, &self.parameters);
        if context_on && self.field.contenders.len() > 1 {
            self.measure_widths(scale);
        }
        let mut choice = self.field.decide(query, &self.parameters);
        choice.features = packed;
        choice.context_on = context_on;
        if let Some(position) = choice.chosen {
            let candidate = &self.field.candidates[position];
            let arm = &mut self.arms[candidate.arm];
            let linear = arm.linear(&self.statistics, scale, self.parameters.slope_precision);
            choice.predicted_mean = candidate.mean;
            choice.predicted_linear = linear.predict(&self.features);
        }
        Ok(choice)
    }

    /// A drill: the next `count` choices fail in the middle, as a defect would make them fail.
    pub const fn inject_panic(&mut self, count: u32) {
        self.panics = count;
    }

    /// Adds one outcome to the statistics. False when its sequence was learned before.
    ///
    /// # Errors
    /// `Kind::Outcome` when it breaks the contract; then nothing changes.
    pub fn learn(&mut self, outcome: &Outcome) -> Result<bool, Fault> {
        outcome.check(self.parameters.dimension)?;
        if !self.statistics.admit(outcome.replica, outcome.sequence) {
            return Ok(false);
        }
        if outcome.has_figures() {
            unpack(outcome.features, &mut self.features);
            if self.statistics.learn(outcome, &self.features, &self.parameters) {
                self.arms.iter_mut().for_each(|arm| arm.find(&self.statistics));
            }
        }
        Ok(true)
    }

    /// The learned state as engine-neutral bytes.
    #[must_use]
    pub fn checkpoint(&self) -> Vec<u8> {
        checkpoint::encode(&self.parameters, &self.statistics)
    }

    /// Replaces the learned state; arms, prices and generation stay.
    ///
    /// # Errors
    /// `Kind::Corrupt` or `Kind::Mismatch`; then nothing changes.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.statistics = checkpoint::decode(bytes, &self.parameters)?;
        self.arms.iter_mut().for_each(|arm| arm.forget(&self.statistics));
        Ok(())
    }

    /// The loaded arms' state for people, and the margin of the context gate, at a moment.
    ///
    /// # Errors
    /// `Kind::Query` when the moment is before 1970.
    pub fn summary(&mut self, now: i64) -> Result<(Vec<ArmSummary>, f64), Fault> {
        Kind::Query.unless(now >= 0, "now_nanos is out of range")?;
        let scale = self.scale(now);
        let slope_precision = self.context_on().then_some(self.parameters.slope_precision);
        let arms = self.arms.iter_mut().map(|arm| arm.summary(&self.statistics, scale, slope_precision)).collect();
        Ok((arms, self.statistics.gate.z(scale)))
    }

    fn scale(&self, now: i64) -> f64 {
        let decay = self.parameters.decay;
        decay.scale(decay.tick(now), self.statistics.epoch)
    }

    /// Judges candidates: known offers, strictly increasing, one per arm.
    fn check_candidates(&mut self, candidates: &[u32]) -> Result<(), Fault> {
        Kind::Query.unless(!candidates.is_empty(), "a query needs a candidate")?;
        self.choices += 1;
        let mut before = None;
        for &candidate in candidates {
            Kind::Query.unless(before < Some(candidate), "candidates are not strictly increasing")?;
            before = Some(candidate);
            let offer = self.offers.get(candidate as usize);
            let offer = offer.ok_or(Kind::Query.because("a candidate is not a loaded offer"))?;
            Kind::Query.unless(self.arms[offer.arm].name_once(self.choices), "two candidates offer the same arm")?;
        }
        Ok(())
    }

    /// Fills the field with what is expected of each candidate.
    fn predict(&mut self, query: &Query, scale: f64, context_on: bool) {
        self.field.clear();
        for &candidate in query.candidates {
            let offer = self.offers[candidate as usize];
            let arm = &mut self.arms[offer.arm];
            let means = arm.means(&self.statistics, scale);
            let quality = if context_on {
                let linear = arm.linear(&self.statistics, scale, self.parameters.slope_precision);
                linear.predict(&self.features)
            } else {
                means.quality
            };
            let tokens = query.max_output_tokens.map_or(means.output_tokens, |cap| means.output_tokens.min(cap));
            let price = offer.input_price as f64 * query.input_tokens + offer.output_price as f64 * tokens;
            self.field.candidates.push(Candidate {
                arm: offer.arm,
                quality,
                mean: means.quality,
                width: means.variance.sqrt(),
                failure_rate: means.failure_rate,
                cost: price / TOKENS_PER_PRICE,
                latency: means.latency,
                exclusion: None,
            });
        }
    }

    /// Replaces the widths of the plain means by those of the linear model.
    ///
    /// Evidence only narrows, so no width exceeds that of the prior. Whoever loses to a sure score even with the
    /// prior's width cannot win a draw: its width stays unmeasured, at 0, which changes no probability.
    fn measure_widths(&mut self, scale: f64) {
        let (low, high) = self.parameters.learner.reach(&self.parameters);
        if low == high {
            return;
        }
        let prior = self.prior_width();
        let leader = policy::leader(&self.field.contenders);
        self.field.contenders[leader].width = self.linear_width(leader, scale);
        let contenders = &self.field.contenders;
        let least = |contender: &Contender, width: f64| contender.utility(contender.quality + low * width);
        let sure = contenders.iter().map(|contender| least(contender, prior)).fold(f64::NEG_INFINITY, f64::max);
        let sure = sure.max(least(&contenders[leader], contenders[leader].width));
        for position in (0..self.field.contenders.len()).filter(|position| *position != leader) {
            let contender = &self.field.contenders[position];
            let may_win = contender.utility(contender.quality + high * prior) >= sure;
            self.field.contenders[position].width = if may_win { self.linear_width(position, scale) } else { 0.0 };
        }
    }

    /// Width of the linear prediction before any evidence, with room for the rounding of a measured one.
    fn prior_width(&self) -> f64 {
        let [first, slopes @ ..] = self.features.as_flattened() else { return 0.0 };
        let slopes: f64 = slopes.iter().map(|value| value * value).sum();
        ((first * first + slopes / self.parameters.slope_precision) * PRIOR_WIDTH_SLACK).sqrt()
    }

    fn linear_width(&mut self, position: usize, scale: f64) -> f64 {
        let arm = self.field.candidates[self.field.remaining[position]].arm;
        let linear = self.arms[arm].linear(&self.statistics, scale, self.parameters.slope_precision);
        linear.variance(&self.features, &mut self.whitened).sqrt()
    }

    const fn drill_is_due(&mut self) -> bool {
        let is_due = self.panics > 0;
        self.panics = self.panics.saturating_sub(1);
        is_due
    }
}
