//! What comes out: the decision, with everything that led to it.
//!
//! Plain data, one allocation for all figures of all candidates. It never changes once made.

/// Why the engine set a candidate aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exclusion {
    /// Expected cost above the request's hard limit.
    MaxCost,
    /// Predicted quality below the floor that another candidate reaches.
    QualityFloor,
    /// Predicted latency above the objective that another candidate meets.
    LatencySlo,
}

/// A figure that a choice reports of every candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Probability of having been chosen.
    Propensity,
    /// Noise-free utility.
    Utility,
    /// Served prediction of quality, clamped to 0..1.
    Quality,
    /// Expected cost in nano-US-dollars.
    Cost,
    /// Expected latency in seconds.
    Latency,
    /// Expected share of failures.
    FailureRate,
}

/// Figures per candidate.
pub const FIGURES: usize = 6;

/// One decision. Sequences are in the order of the query's candidates.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Position among the candidates; none when the cost limit excluded all.
    pub chosen: Option<usize>,
    /// Offers of the candidates, as the query named them.
    pub candidates: Vec<u32>,
    /// Candidates set aside, by position, ascending.
    pub exclusions: Vec<(usize, Exclusion)>,
    /// No candidate reached the quality floor.
    pub floor_unmet: bool,
    /// No candidate met the latency objective.
    pub slo_unmet: bool,
    /// Features the decision was made on, packed little-endian float32.
    pub features: Vec<u8>,
    /// Whether the linear model was served.
    pub context_on: bool,
    /// The chosen arm's plain mean, unclamped; 0 when nothing was chosen.
    pub predicted_mean: f64,
    /// The chosen arm's linear prediction, unclamped; 0 when nothing was chosen.
    pub predicted_linear: f64,
    /// All figures, one row per `Figure`.
    pub(crate) figures: Vec<f64>,
}

impl Choice {
    /// One figure of every candidate.
    #[must_use]
    pub fn figure(&self, figure: Figure) -> &[f64] {
        let count = self.figures.len() / FIGURES;
        &self.figures[figure as usize * count..][..count]
    }
}
