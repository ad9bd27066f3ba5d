//! Optimism in the face of uncertainty (Li, Chu, Langford and Schapire, WWW 2010).

use super::{Contender, best};

/// Position of the highest utility at the upper end of the interval.
pub(super) fn best_of(contenders: &[Contender], alpha: f64) -> usize {
    best(contenders, |contender| contender.utility(contender.quality + alpha * contender.width))
}
