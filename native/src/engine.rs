//! The engine of one pool: load, choose, learn, checkpoint.
//!
//! Entered by `python` and by tests; one caller at a time. Everything is judged before anything changes, so a refusal
//! leaves it as it was. It never reads a clock and never draws chance on its own.

use std::sync::Arc;

use crate::arm::{Arm, Offer};
use crate::checkpoint;
use crate::choice::Choice;
use crate::common::CommonReader;
use crate::embed::TextExtractor;
use crate::error::{Fault, Kind};
use crate::extractor::{Extractor, NO_FEATURES, Room};
use crate::field::Field;
use crate::linalg::{Lane, vector};
use crate::loaded::ArmSummary;
use crate::parameters::Parameters;
use crate::processor::Processor;
use crate::query::{Outcome, Query, check_features, unpack};
use crate::reading::Reading;
use crate::roster::Roster;
use crate::statistics::PoolStatistics;

/// Linear models up to this size are made ready when they have learned, so that no choice waits for one; larger ones are
/// made when they are asked for, because learning a whole log would make each of them for nothing.
const READY_SIZE: usize = 64;

/// A selection engine for one pool.
#[derive(Debug)]
pub struct Engine {
    parameters: Parameters,
    extractor: Option<Extractor>,
    roster: Roster,
    statistics: PoolStatistics,
    common: CommonReader,
    processor: Processor,
    /// Memory of one choice, kept from call to call.
    field: Field,
    features: Vec<Lane>,
    panics: u32,
}

impl Engine {
    /// An engine that has loaded and learned nothing.
    ///
    /// # Errors
    /// `Kind::Engine` when a parameter is out of range, or the schema is `text.v1`, which needs a table.
    pub fn new(parameters: Parameters) -> Result<Self, Fault> {
        Self::on(Processor::detect(), parameters, None)
    }

    /// The same engine, computing in a given way, and with a text table for the schema that needs one.
    ///
    /// # Errors
    /// `Kind::Engine` when a parameter is out of range, or the table is missing.
    pub fn on(processor: Processor, parameters: Parameters, text: Option<Arc<TextExtractor>>) -> Result<Self, Fault> {
        parameters.check()?;
        let size = parameters.dimension + 1;
        Ok(Self {
            extractor: Extractor::of(&parameters.schema, text)?,
            roster: Roster::empty(size, processor),
            statistics: PoolStatistics::empty(size),
            common: CommonReader::new(size, processor),
            processor,
            field: Field::default(),
            features: vector(size),
            panics: 0,
            parameters,
        })
    }

    /// Generation of the arms loaded, 0 before the first load.
    #[must_use]
    pub const fn generation(&self) -> i64 {
        self.roster.generation()
    }

    /// What was learned.
    #[must_use]
    pub const fn statistics(&self) -> &PoolStatistics {
        &self.statistics
    }

    /// Whether the linear model is served.
    #[must_use]
    pub const fn context_on(&self) -> bool {
        self.statistics.gate.serves(&self.parameters)
    }

    /// Replaces arms, priors and prices; learned statistics stay with the arm's name.
    ///
    /// # Errors
    /// `Kind::Stale` unless the generation is above the one loaded, `Kind::Engine` for arms or offers out of range.
    pub fn load(&mut self, arms: Vec<Arm>, offers: Vec<Offer>, generation: i64) -> Result<(), Fault> {
        self.roster.load(arms, offers, generation, &self.statistics)
    }

    /// Features of a text under the built-in schema, packed little-endian float32.
    ///
    /// # Errors
    /// `Kind::Query` when the schema is a caller's own.
    pub fn features(&self, text: &str) -> Result<Vec<u8>, Fault> {
        let mut room = NO_FEATURES;
        Ok(self.extract(text, &mut room)?.to_vec())
    }

    fn extract<'a>(&self, text: &str, room: &'a mut Room) -> Result<&'a [u8], Fault> {
        let extractor = self.extractor.as_ref();
        extractor
            .map(|extractor| extractor.extract(text, room))
            .ok_or(Kind::Query.because("features of this schema cannot be computed from text"))
    }

    /// Refuses a caller who has other arms in mind.
    ///
    /// # Errors
    /// `Kind::Stale` unless this generation is loaded.
    pub fn expect_generation(&self, generation: i64) -> Result<(), Fault> {
        Kind::Stale.unless(generation == self.generation(), "the query was made against another generation of arms")
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
        self.roster.check_candidates(query.candidates)?;
        query.check()?;
        let mut room = NO_FEATURES;
        let packed = match query.text {
            Some(text) => self.extract(text, &mut room)?,
            None => query.features.unwrap_or_default(),
        };
        check_features(packed, self.parameters.dimension, Kind::Query)?;
        unpack(packed, &mut self.features);
        let is_drill = self.drill_is_due();
        let reading = Reading::at(query.now, &self.statistics, &self.parameters, self.roster.count());
        let (roster, field) = (&mut self.roster, &mut self.field);
        roster.predict(query, &self.features, &reading, field);
        assert!(!is_drill, "a drill: this choice was asked to fail");
        field.set_aside(query);
        field.value(query, &self.parameters);
        if reading.context_on && field.contenders.len() > 1 {
            roster.measure_widths(&self.features, &reading, field);
        }
        let mut choice = field.decide(query, packed, &self.parameters);
        choice.context_on = reading.context_on;
        if let Some(position) = choice.chosen {
            let candidate = &field.candidates[position];
            choice.predicted_mean = candidate.mean;
            choice.predicted_linear = roster.linear(candidate, &self.features, &reading);
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
            let Self { statistics, features, parameters, .. } = self;
            let (slot, is_new) = self.processor.run(
                #[inline(always)]
                || statistics.learn(outcome, features, parameters),
            );
            if is_new {
                self.roster.find(&self.statistics);
            }
            if outcome.quality.is_some() {
                self.learned_quality(slot, outcome);
            }
        }
        Ok(true)
    }

    /// What follows from a graded outcome, whose arm is in this slot.
    fn learned_quality(&mut self, slot: usize, outcome: &Outcome) {
        let Parameters { decay, common_precision, .. } = self.parameters;
        if self.statistics.common.is_due() {
            let scale = self.statistics.scale_of_lesson(outcome.now, decay);
            self.common.read(&mut self.statistics, scale, common_precision);
        }
        if self.statistics.size <= READY_SIZE {
            let reading = Reading::at(outcome.now, &self.statistics, &self.parameters, self.roster.count());
            self.roster.prepare(slot, &reading);
        }
    }

    /// Keeps a share of what is known of an arm's quality, for everybody and for each tenant. False for an arm that
    /// nothing is known of.
    ///
    /// # Errors
    /// `Kind::Outcome` when the share is not within 0 to 1, or the name is empty; then nothing changes.
    pub fn discount(&mut self, arm: &str, keep: f64) -> Result<bool, Fault> {
        Kind::Outcome.unless(!arm.is_empty(), "arm is not a name")?;
        Kind::Outcome.unless((0.0..=1.0).contains(&keep), "keep is out of range")?;
        Ok(self.statistics.discount(arm, keep))
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
        self.roster.forget(&self.statistics);
        Ok(())
    }

    /// The loaded arms' state for people, and the margin of the context gate, at a moment.
    ///
    /// # Errors
    /// `Kind::Query` when the moment is before 1970.
    pub fn summary(&mut self, now: i64) -> Result<(Vec<ArmSummary>, f64), Fault> {
        Kind::Query.unless(now >= 0, "now_nanos is out of range")?;
        let reading = Reading::at(now, &self.statistics, &self.parameters, self.roster.count());
        Ok((self.roster.summaries(&reading), self.statistics.gate.z(reading.scale)))
    }

    const fn drill_is_due(&mut self) -> bool {
        let is_due = self.panics > 0;
        self.panics = self.panics.saturating_sub(1);
        is_due
    }
}
