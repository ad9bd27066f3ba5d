//! What comes out: the decision, with everything that led to it.
//!
//! Plain data in two allocations: the figures of all candidates, and the bytes that go on to others. It never changes
//! once made.

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

/// Bytes of an offer's index.
pub(crate) const OFFER_SIZE: usize = 4;

/// One decision. Sequences are in the order of the query's candidates.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Position among the candidates; none when the cost limit excluded all.
    pub chosen: Option<usize>,
    /// Candidates set aside, by position, ascending.
    pub exclusions: Vec<(usize, Exclusion)>,
    /// No candidate reached the quality floor.
    pub floor_unmet: bool,
    /// No candidate met the latency objective.
    pub slo_unmet: bool,
    /// Whether the linear model was served.
    pub context_on: bool,
    /// The chosen arm's plain mean, unclamped; 0 when nothing was chosen.
    pub predicted_mean: f64,
    /// The chosen arm's linear prediction, unclamped; 0 when nothing was chosen.
    pub predicted_linear: f64,
    /// All figures, one row per `Figure`.
    pub(crate) figures: Vec<f64>,
    /// The features, then the offers of the candidates as the query named them, little-endian.
    pub(crate) bytes: Vec<u8>,
}

impl Choice {
    /// One figure of every candidate.
    #[must_use]
    pub fn figure(&self, figure: Figure) -> &[f64] {
        let count = self.count();
        &self.figures[figure as usize * count..][..count]
    }

    /// Number of candidates.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.figures.len() / FIGURES
    }

    /// Index of a candidate's offer.
    #[must_use]
    pub fn offer(&self, position: usize) -> usize {
        let offers = self.bytes[self.features().len()..].as_chunks().0;
        u32::from_le_bytes(offers[position]) as usize
    }

    /// Features the decision was made on, packed little-endian float32.
    #[must_use]
    pub fn features(&self) -> &[u8] {
        &self.bytes[..self.bytes.len() - self.count() * OFFER_SIZE]
    }
}
