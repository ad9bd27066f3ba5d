//! The loaded arms and offers, and what is expected of each candidate of a query.
//!
//! The engine holds one and fills a field with it. It reads statistics and never changes them; the draw is not its
//! business.

use crate::arm::{Arm, Offer};
use crate::error::{Fault, Kind};
use crate::field::{Candidate, Field};
use crate::linalg::{Lane, vector};
use crate::loaded::{ArmSummary, Loaded};
use crate::policy::{self, Contender};
use crate::processor::Processor;
use crate::query::Query;
use crate::reading::Reading;
use crate::statistics::PoolStatistics;

/// Prices are per this many tokens.
const TOKENS_PER_PRICE: f64 = 1e6;
/// How far rounding may carry a measured variance above the prior's.
const PRIOR_WIDTH_SLACK: f64 = 1.0 + 1e-6;

/// Arms and offers of one generation.
#[derive(Debug)]
pub struct Roster {
    generation: i64,
    arms: Vec<Loaded>,
    offers: Vec<Offer>,
    whitened: Vec<Lane>,
    choices: u64,
    processor: Processor,
}

impl Roster {
    /// Nothing loaded; `size` is the feature dimension plus one.
    #[must_use]
    pub fn empty(size: usize, processor: Processor) -> Self {
        Self { generation: 0, arms: Vec::new(), offers: Vec::new(), whitened: vector(size), choices: 0, processor }
    }

    /// Arms loaded.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.arms.len()
    }

    /// Generation of the arms loaded, 0 before the first load.
    #[must_use]
    pub const fn generation(&self) -> i64 {
        self.generation
    }

    /// Replaces everything.
    ///
    /// # Errors
    /// `Kind::Stale` unless the generation is above the one loaded, `Kind::Engine` for arms or offers out of range.
    pub fn load(
        &mut self,
        arms: Vec<Arm>,
        offers: Vec<Offer>,
        generation: i64,
        statistics: &PoolStatistics,
    ) -> Result<(), Fault> {
        Kind::Stale
            .unless(generation > self.generation, "a load must carry a higher generation than the one loaded")?;
        crate::arm::check(&arms, &offers)?;
        self.arms = arms.into_iter().map(|arm| Loaded::new(arm, statistics, self.processor)).collect();
        self.offers = offers;
        self.generation = generation;
        Ok(())
    }

    /// Looks again where the arms' statistics are, after an arm was learned for the first time.
    pub fn find(&mut self, statistics: &PoolStatistics) {
        self.arms.iter_mut().for_each(|arm| arm.find(statistics));
    }

    /// Computes the linear model of the arm whose statistics are here, if it is loaded.
    pub fn prepare(&mut self, slot: usize, reading: &Reading) {
        if let Some(arm) = self.arms.iter_mut().find(|arm| arm.is_at(slot)) {
            arm.linear(reading);
        }
    }

    /// Forgets estimates, after other statistics were restored.
    pub fn forget(&mut self, statistics: &PoolStatistics) {
        self.arms.iter_mut().for_each(|arm| arm.forget(statistics));
    }

    /// The arms' learned state for people.
    pub fn summaries(&mut self, reading: &Reading) -> Vec<ArmSummary> {
        self.arms.iter_mut().map(|arm| arm.summary(reading)).collect()
    }

    /// Judges candidates: known offers, strictly increasing, one per arm.
    ///
    /// # Errors
    /// `Kind::Query` naming what is wrong with them.
    pub fn check_candidates(&mut self, candidates: &[u32]) -> Result<(), Fault> {
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

    /// Fills the field with what is expected of each candidate, whose arms were judged before.
    pub fn predict(&mut self, query: &Query, features: &[Lane], reading: &Reading, field: &mut Field) {
        let tenant = query.tenant.and_then(|name| reading.statistics.tenants.get(name));
        field.clear();
        for &candidate in query.candidates {
            let offer = self.offers[candidate as usize];
            let arm = &mut self.arms[offer.arm];
            let means = arm.means(reading);
            let everybody = if reading.context_on { arm.linear(reading).predict(features) } else { means.quality };
            let offset = tenant.map_or(0.0, |tenant| arm.offset(tenant, reading));
            let tokens = arm.expect_tokens(features, means.output_tokens, reading);
            let tokens = query.max_output_tokens.map_or(tokens, |cap| tokens.min(cap));
            let price = offer.input_price as f64 * query.input_tokens + offer.output_price as f64 * tokens;
            field.candidates.push(Candidate {
                arm: offer.arm,
                quality: everybody + offset,
                mean: means.quality,
                width: (1.0 / means.evidence).sqrt(),
                evidence: means.evidence,
                failure_rate: means.failure_rate,
                cost: price / TOKENS_PER_PRICE,
                latency: means.latency,
                slow_latency: means.slow_latency,
                favour: query.favour_of(candidate),
                exclusion: None,
            });
        }
    }

    /// The linear prediction of a candidate's arm, for everybody.
    pub fn linear(&mut self, candidate: &Candidate, features: &[Lane], reading: &Reading) -> f64 {
        self.arms[candidate.arm].linear(reading).predict(features)
    }

    /// Replaces the widths of the plain means by those of the linear model.
    ///
    /// Evidence only narrows, so no width exceeds that of the prior. Whoever loses to a sure score even with the
    /// prior's width cannot win a draw: its width stays unmeasured, at 0, which changes no probability.
    pub fn measure_widths(&mut self, features: &[Lane], reading: &Reading, field: &mut Field) {
        let (low, high) = reading.parameters.learner.reach(reading.parameters);
        if high == 0.0 {
            return;
        }
        let prior = prior_width(features, reading.slope_precision);
        let leader = policy::leader(&field.contenders);
        field.contenders[leader].width = self.linear_width(leader, features, reading, field);
        let contenders = &field.contenders;
        let least = |contender: &Contender, width: f64| contender.utility(contender.quality + low * width);
        let sure = contenders
            .iter()
            .map(|contender| least(contender, if low < 0.0 { prior } else { 0.0 }))
            .fold(f64::NEG_INFINITY, f64::max);
        let mut sure = sure.max(least(&contenders[leader], contenders[leader].width));
        for position in (0..field.contenders.len()).filter(|position| *position != leader) {
            let contender = field.contenders[position];
            let may_win = contender.utility(contender.quality + high * prior) >= sure;
            let width = if may_win { self.linear_width(position, features, reading, field) } else { 0.0 };
            sure = if may_win { sure.max(least(&contender, width)) } else { sure };
            field.contenders[position].width = width;
        }
    }

    fn linear_width(&mut self, position: usize, features: &[Lane], reading: &Reading, field: &Field) -> f64 {
        let arm = field.candidates[field.remaining[position]].arm;
        self.arms[arm].linear(reading).variance(features, &mut self.whitened).sqrt()
    }
}

/// Width of the linear prediction before any evidence, with room for the rounding of a measured one.
fn prior_width(features: &[Lane], slope_precision: f64) -> f64 {
    let [first, slopes @ ..] = features.as_flattened() else { return 0.0 };
    let slopes: f64 = slopes.iter().map(|value| value * value).sum();
    ((first * first + slopes / slope_precision) * PRIOR_WIDTH_SLACK).sqrt()
}
