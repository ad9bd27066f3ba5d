//! What goes in: a query to choose for, an outcome to learn from, and the bounds both must keep.
//!
//! Borrowed views of the caller's data, judged before any state is touched. They never outlive one call.

use crate::error::{Fault, Kind};

/// Largest token count, latency, prior of either, and utility weight.
pub const FIGURE_LIMIT: f64 = 1e9;
const FEATURE_LIMIT: f32 = 1e6;
const PREDICTION_LIMIT: f64 = 1e12;

/// One request; fields and units as in the contract's `Query`.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// Generation of arms the caller has in mind.
    pub generation: i64,
    /// Indices of loaded offers, strictly increasing, one per arm.
    pub candidates: &'a [u32],
    /// Source of all chance.
    pub seed: u64,
    /// Unix time in nanoseconds.
    pub now: i64,
    /// Tokens that will be sent.
    pub input_tokens: f64,
    /// Utility taken by one unit of cost.
    pub cost_weight: f64,
    /// Utility taken by one unit of latency.
    pub latency_weight: f64,
    /// Text, for the built-in schema.
    pub text: Option<&'a str>,
    /// Packed little-endian float32 of the pool's schema; either these or a text.
    pub features: Option<&'a [u8]>,
    /// Cap on the expected answer length.
    pub max_output_tokens: Option<f64>,
    /// Hard limit on the expected cost, nano-US-dollars.
    pub max_cost: Option<f64>,
    /// Least predicted quality, while a candidate reaches it.
    pub quality_floor: Option<f64>,
    /// Largest 95th percentile of latency in seconds, while a candidate meets it.
    pub latency_slo: Option<f64>,
    /// Who asks; moves the predictions by what is known of this tenant's outcomes.
    pub tenant: Option<&'a str>,
    /// Index of the offer that is favoured, if it is a candidate.
    pub favoured: Option<i64>,
    /// Utility by which the penalty of that offer is lessened.
    pub favour: f64,
}

impl Query<'_> {
    /// Utility by which the penalty of a candidate is lessened.
    #[must_use]
    pub fn favour_of(&self, candidate: u32) -> f64 {
        if self.favoured == Some(i64::from(candidate)) { self.favour } else { 0.0 }
    }

    /// Judges every number but the candidates and features, which need the engine's state.
    ///
    /// # Errors
    /// `Kind::Query` naming the first number out of range.
    pub fn check(&self) -> Result<(), Fault> {
        let figure = |value: f64, sentence| Kind::Query.unless((0.0..=FIGURE_LIMIT).contains(&value), sentence);
        let limit = |value: Option<f64>, high: f64, sentence| {
            Kind::Query.unless(value.is_none_or(|value| (0.0..=high).contains(&value)), sentence)
        };
        let has_subject = self.text.is_some() != self.features.is_some();
        Kind::Query.unless(has_subject, "a query carries either text or features")?;
        Kind::Query.unless(self.now >= 0, "now_nanos is out of range")?;
        figure(self.input_tokens, "input_tokens is out of range")?;
        figure(self.cost_weight, "cost_weight is out of range")?;
        figure(self.latency_weight, "latency_weight is out of range")?;
        limit(self.max_output_tokens, FIGURE_LIMIT, "max_output_tokens is out of range")?;
        limit(self.max_cost, f64::MAX, "max_cost_nano_usd is out of range")?;
        limit(self.quality_floor, 1.0, "quality_floor is out of range")?;
        limit(self.latency_slo, f64::MAX, "latency_slo_seconds is out of range")?;
        Kind::Query.unless(self.favoured.is_none_or(|offer| offer >= 0), "favoured is out of range")?;
        figure(self.favour, "favour is out of range")?;
        Kind::Query.unless(self.tenant != Some(""), "tenant is not a name")
    }
}

/// What became known about one attempt; fields and units as in the contract's `Outcome`.
#[derive(Clone, Copy, Debug)]
pub struct Outcome<'a> {
    /// Name of the arm that answered; it need not be loaded.
    pub arm: &'a str,
    /// Who numbered this outcome.
    pub replica: &'a str,
    /// Its number there.
    pub sequence: i64,
    /// When the decision was made, Unix nanoseconds.
    pub decided: i64,
    /// The present, Unix nanoseconds.
    pub now: i64,
    /// Features the decision was made on, packed little-endian float32.
    pub features: &'a [u8],
    /// Graded quality, 0 to 1.
    pub quality: Option<f64>,
    /// Length of the answer in tokens.
    pub output_tokens: Option<f64>,
    /// Seconds until the answer.
    pub latency: Option<f64>,
    /// Whether the attempt failed.
    pub failed: Option<bool>,
    /// What the plain mean predicted, when this arm was the one drawn.
    pub predicted_mean: Option<f64>,
    /// What the linear model predicted, when this arm was the one drawn.
    pub predicted_linear: Option<f64>,
    /// Whose request it was.
    pub tenant: Option<&'a str>,
}

impl Outcome<'_> {
    /// Judges everything.
    ///
    /// # Errors
    /// `Kind::Outcome` naming the first field that breaks the contract.
    pub fn check(&self, dimension: usize) -> Result<(), Fault> {
        let figure = |value: Option<f64>, high: f64, sentence| {
            Kind::Outcome.unless(value.is_none_or(|value| (0.0..=high).contains(&value)), sentence)
        };
        Kind::Outcome.unless(!self.arm.is_empty(), "arm is not a name")?;
        Kind::Outcome.unless(!self.replica.is_empty(), "replica is not a name")?;
        Kind::Outcome.unless(self.sequence >= 0, "sequence is out of range")?;
        Kind::Outcome.unless(self.decided >= 0 && self.now >= 0, "a time is out of range")?;
        check_features(self.features, dimension, Kind::Outcome)?;
        figure(self.quality, 1.0, "quality is out of range")?;
        figure(self.output_tokens, FIGURE_LIMIT, "output_tokens is out of range")?;
        figure(self.latency, FIGURE_LIMIT, "latency_seconds is out of range")?;
        let (mean, linear) = (self.predicted_mean, self.predicted_linear);
        Kind::Outcome.unless(mean.is_some() == linear.is_some(), "predictions come in pairs")?;
        let is_sane = |prediction: Option<f64>| prediction.is_none_or(|value| value.abs() <= PREDICTION_LIMIT);
        Kind::Outcome.unless(is_sane(mean) && is_sane(linear), "a prediction is out of range")?;
        Kind::Outcome.unless(self.tenant != Some(""), "tenant is not a name")
    }

    /// When the evidence dates from, Unix nanoseconds.
    #[must_use]
    pub fn moment(&self) -> i64 {
        self.decided.min(self.now)
    }

    /// Whether there is anything to learn beyond the sequence number.
    #[must_use]
    pub fn has_figures(&self) -> bool {
        self.quality.is_some() || self.output_tokens.is_some() || self.latency.is_some() || self.failed.is_some()
    }
}

/// Judges packed features.
///
/// # Errors
/// A fault of the given kind unless they are `dimension` finite numbers within the limit.
pub fn check_features(packed: &[u8], dimension: usize, kind: Kind) -> Result<(), Fault> {
    let (numbers, rest) = packed.as_chunks::<4>();
    kind.unless(rest.is_empty() && numbers.len() == dimension, "features have another length")?;
    // Comparing from this side also refuses NaN, which is below nothing.
    let sane = numbers.iter().all(|bytes| f32::from_le_bytes(*bytes).abs() <= FEATURE_LIMIT);
    kind.unless(sane, "a feature is not finite or too large")
}

/// Features as the linear model sees them: a leading 1, then every number, then zeros up to whole lanes.
pub fn unpack(packed: &[u8], vector: &mut [crate::linalg::Lane]) {
    let flat = vector.as_flattened_mut();
    flat[0] = 1.0;
    for (slot, bytes) in flat[1..].iter_mut().zip(packed.as_chunks::<4>().0) {
        *slot = f64::from(f32::from_le_bytes(*bytes));
    }
}
