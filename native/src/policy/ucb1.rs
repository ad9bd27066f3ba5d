//! Optimism by counts, without context (Auer, Cesa-Bianchi and Fischer, Machine Learning 47, 2002).

use super::{Contender, best, evidence};

/// Position of the highest utility at the upper confidence bound.
pub(super) fn best_of(contenders: &[Contender], alpha: f64) -> usize {
    let reach = 2.0 * libm::log(evidence(contenders));
    best(contenders, |contender| contender.utility(contender.quality + alpha * (reach / contender.evidence).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_equal_means_the_one_with_less_evidence_is_best() {
        let known = Contender { quality: 0.5, width: 0.0, evidence: 40.0, success: 1.0, penalty: 0.0, cost: 1.0 };
        let contenders = [known, Contender { evidence: 4.0, ..known }, known];
        assert_eq!(best_of(&contenders, 0.05), 1);
        assert_eq!(best_of(&contenders, 0.0), 0);
    }
}
