//! Whether context is used: progressive validation of the linear model against the plain mean.
//!
//! Entered by `statistics`, which teaches, and by `engine`, which asks. Context is used until it is shown to do harm, so
//! that a pool of which little is known looks at its prompts. It never makes a prediction itself.

use crate::parameters::{ContextMode, Parameters};

/// Sums over predictions made before the outcome, with d = (q - mean)² - (q - linear)².
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gate {
    /// Sum of w d.
    pub advantage: f64,
    /// Sum of w d².
    pub spread: f64,
    /// Sum of w.
    pub weight: f64,
    /// Whether context is used.
    pub is_open: bool,
}

impl Default for Gate {
    /// Nothing compared, and context used.
    fn default() -> Self {
        Self { advantage: 0.0, spread: 0.0, weight: 0.0, is_open: true }
    }
}

impl Gate {
    pub(crate) fn learn(&mut self, weight: f64, quality: f64, (mean, linear): (f64, f64)) {
        let difference = (quality - mean) * (quality - mean) - (quality - linear) * (quality - linear);
        self.advantage += weight * difference;
        self.spread += weight * difference * difference;
        self.weight += weight;
    }

    /// Whether the linear model is served under a policy.
    #[must_use]
    pub const fn serves(&self, parameters: &Parameters) -> bool {
        let is_wanted = match parameters.context {
            ContextMode::Auto => self.is_open,
            ContextMode::On => true,
            ContextMode::Off => false,
        };
        is_wanted && parameters.learner.is_contextual()
    }

    /// Standard errors by which the linear model leads, with sums read at a scale.
    #[must_use]
    pub fn z(&self, scale: f64) -> f64 {
        if self.spread > 0.0 { scale.sqrt() * self.advantage / self.spread.sqrt() } else { 0.0 }
    }

    /// Once there is evidence enough, opens above one margin and closes below the other, else stays.
    pub(crate) fn settle(&mut self, scale: f64, parameters: &Parameters) {
        if self.weight * scale < parameters.context_min_weight {
            return;
        }
        let z = self.z(scale);
        if z > parameters.context_on_z {
            self.is_open = true;
        } else if z < parameters.context_off_z {
            self.is_open = false;
        }
    }

    pub(crate) fn rescale(&mut self, factor: f64) {
        self.advantage *= factor;
        self.spread *= factor;
        self.weight *= factor;
    }
}
