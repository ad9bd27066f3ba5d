//! The mean alone: exploration comes only from epsilon.

use super::{Contender, best};

/// Position of the highest expected utility.
pub(super) fn best_of(contenders: &[Contender]) -> usize {
    best(contenders, |contender| contender.utility(contender.quality))
}
