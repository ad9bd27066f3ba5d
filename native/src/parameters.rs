//! What a routing policy fixes for the life of an engine.
//!
//! Made once by the Python face or a test; `check` judges it before an engine is built. It never changes afterwards.

use crate::decay::Decay;
use crate::error::{Fault, Kind};
use crate::extractor::dimension_of;
use crate::policy::Learner;

/// Largest dimension of a feature schema.
pub const DIMENSION_LIMIT: usize = 512;

/// Largest number of tenants whose offsets can be kept.
pub const TENANT_LIMIT: usize = 1_000_000;

/// Pairs of arms beyond which shrinkage grows no further.
const PAIRS_LIMIT: usize = 1000;

/// Whether the linear model may differ from an arm's plain mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContextMode {
    /// Context is used until progressive validation shows that it does harm.
    Auto,
    /// The linear model is served.
    On,
    /// The plain mean is served.
    Off,
}

/// The parameters of one pool; units and meanings as in the contract's `EngineParameters`.
#[derive(Clone, Debug)]
pub struct Parameters {
    /// Set of arms this engine chooses from.
    pub pool: String,
    /// Feature schema of the pool.
    pub schema: String,
    /// Features per query.
    pub dimension: usize,
    /// Nano-US-dollars that count as one unit of cost.
    pub cost_scale: f64,
    /// Seconds that count as one unit of latency.
    pub latency_scale: f64,
    /// How uncertainty becomes exploration.
    pub learner: Learner,
    /// Standard deviations of a Thompson draw per unit of posterior width.
    pub scale: f64,
    /// Posterior widths that `LinUCB` adds to the mean.
    pub alpha: f64,
    /// How fast `SquareCB` stops exploring.
    pub gamma: f64,
    /// Share of the exploration distribution.
    pub epsilon: f64,
    /// Prior precision of every slope for each pair of arms; the bias has precision 1.
    pub slope_precision: f64,
    /// Forgetting.
    pub decay: Decay,
    /// Whether context may be served.
    pub context: ContextMode,
    /// Standard errors of advantage above which context is switched on.
    pub context_on_z: f64,
    /// Standard errors of advantage below which context is switched off.
    pub context_off_z: f64,
    /// Effective outcomes needed before context is switched on or off.
    pub context_min_weight: f64,
    /// Observations of the others that a tenant's estimate begins with, at most.
    pub tenant_pseudo_count: f64,
    /// Bound of a tenant's offset.
    pub tenant_offset_limit: f64,
    /// Tenants whose offsets are kept.
    pub tenant_limit: usize,
    /// Prior precision of every slope of an arm's answer length.
    pub token_precision: f64,
    /// Prior precision of every slope that the arms have in common.
    pub common_precision: f64,
}

impl Parameters {
    /// Whether features shape the expected answer length. Unlike quality, that needs no validation.
    #[must_use]
    pub fn reads_lengths(&self) -> bool {
        self.context != ContextMode::Off && self.learner.is_contextual()
    }

    /// Prior precision of every slope, with so many arms loaded: each pair of them is one more chance for noise to
    /// overturn the order of their means.
    #[must_use]
    pub fn slope_precision_of(&self, arms: usize) -> f64 {
        let pairs = arms.saturating_mul(arms.saturating_sub(1)) / 2;
        self.slope_precision * pairs.clamp(1, PAIRS_LIMIT) as f64
    }

    /// Judges every parameter.
    ///
    /// # Errors
    /// `Kind::Engine` naming the first one out of range.
    pub fn check(&self) -> Result<(), Fault> {
        let within = |value: f64, low: f64, high: f64, sentence| {
            Kind::Engine.unless((low..=high).contains(&value) && value.is_finite(), sentence)
        };
        Kind::Engine.unless(!self.pool.is_empty(), "pool is not a name")?;
        Kind::Engine.unless(!self.schema.is_empty(), "schema_id is not a name")?;
        Kind::Engine.unless((1..=DIMENSION_LIMIT).contains(&self.dimension), "dimension is out of range")?;
        let is_right = dimension_of(&self.schema).is_none_or(|dimension| dimension == self.dimension);
        Kind::Engine.unless(is_right, "a schema computed from text has another dimension")?;
        within(self.cost_scale, 1e-12, 1e24, "cost_scale_nano_usd is out of range")?;
        within(self.latency_scale, 1e-12, 1e24, "latency_scale_seconds is out of range")?;
        within(self.scale, 0.0, 1e6, "scale is out of range")?;
        within(self.alpha, 0.0, 1e6, "alpha is out of range")?;
        within(self.gamma, 0.0, 1e9, "gamma is out of range")?;
        within(self.epsilon, 0.0, 1.0, "epsilon is out of range")?;
        within(self.slope_precision, 1e-9, 1e9, "slope_precision is out of range")?;
        if let Some(half_life) = self.decay.half_life {
            Kind::Engine.unless((64..=1 << 62).contains(&half_life), "half_life_nanos is out of range")?;
        }
        within(self.context_on_z, -1e9, 1e9, "context_on_z is out of range")?;
        within(self.context_off_z, -1e9, self.context_on_z, "context_off_z is out of range")?;
        within(self.context_min_weight, 0.0, 1e18, "context_min_weight is out of range")?;
        within(self.tenant_pseudo_count, 1e-9, 1e9, "tenant_pseudo_count is out of range")?;
        within(self.tenant_offset_limit, 0.0, 1.0, "tenant_offset_limit is out of range")?;
        Kind::Engine.unless(self.tenant_limit <= TENANT_LIMIT, "tenant_limit is out of range")?;
        within(self.token_precision, 1e-9, 1e9, "token_precision is out of range")?;
        within(self.common_precision, 1e-9, 1e9, "common_precision is out of range")
    }
}
