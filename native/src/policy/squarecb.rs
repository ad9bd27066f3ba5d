//! Inverse-gap weighting (Foster and Rakhlin, ICML 2020): the further behind the best utility, the rarer.

use super::{Contender, best, evidence};

/// Writes the share of each contender; `gamma` is how much evidence makes gaps count.
pub(super) fn share(contenders: &[Contender], gamma: f64, shares: &mut [f64]) {
    let value = |contender: &Contender| contender.utility(contender.quality);
    let leader = best(contenders, value);
    let highest = value(&contenders[leader]);
    let sharpness = gamma * evidence(contenders).sqrt();
    let count = contenders.len() as f64;
    let mut others = 0.0;
    for (position, contender) in contenders.iter().enumerate().filter(|(position, _)| *position != leader) {
        shares[position] = 1.0 / (count + sharpness * (highest - value(contender)));
        others += shares[position];
    }
    shares[leader] = 1.0 - others;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contender(quality: f64) -> Contender {
        Contender { quality, width: 0.0, evidence: 1.0, success: 1.0, penalty: 0.0, cost: 1.0 }
    }

    #[test]
    fn the_share_falls_with_the_gap_and_the_leader_takes_the_rest() {
        let mut shares = [0.0; 4];
        // Evidence of four in all, so that the gaps count 2 * 10-fold.
        share(&[contender(0.5), contender(1.0), contender(0.9), contender(0.0)], 10.0, &mut shares);
        let (close, middle, far) = (1.0 / 6.0, 1.0 / 14.0, 1.0 / 24.0);
        let expected = [middle, 1.0 - middle - close - far, close, far];
        assert!(shares.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-15), "{shares:?}");
    }

    #[test]
    fn without_gaps_everybody_has_the_same_share() {
        let mut shares = [0.0; 4];
        share(&[contender(0.5); 4], 1e9, &mut shares);
        assert_eq!(shares, [0.25; 4]);
    }
}
