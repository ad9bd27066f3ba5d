//! Linear Thompson sampling (Agrawal and Goyal, ICML 2013), with one normal per contender and draw.

use super::{Contender, draws};
use crate::rng::{NORMAL_CELLS, Stream, normal_cell, normal_table};

/// The ends of the normal table, in widths.
pub(super) fn reach(scale: f64) -> (f64, f64) {
    let table = normal_table();
    (scale * table[0], scale * table[NORMAL_CELLS - 1])
}

/// Adds to each contender its share of the draws it wins.
pub(super) fn share(contenders: &[Contender], scale: f64, seed: u64, shares: &mut [f64]) {
    let table = normal_table();
    let score = |contender: &Contender, z: f64| contender.utility(contender.quality + scale * contender.width * z);
    // Rounded products and sums are monotone, so the ends of the table bound every score exactly.
    let sure = contenders.iter().map(|contender| score(contender, table[0])).fold(f64::NEG_INFINITY, f64::max);
    let may_win = |position: usize| score(&contenders[position], table[NORMAL_CELLS - 1]) >= sure;
    let drawn =
        |position: usize, stream: Stream, index| score(&contenders[position], table[normal_cell(stream.word(index))]);
    draws::share(contenders, seed, may_win, drawn, shares);
}

#[cfg(test)]
mod tests {
    use super::draws::DRAWS;
    use super::*;
    use crate::rng::POSTERIOR_STREAM;

    /// Every contender in every draw, as the contract tells it.
    fn share_of_all(contenders: &[Contender], scale: f64, seed: u64) -> Vec<f64> {
        let stream = Stream::new(seed, POSTERIOR_STREAM);
        let mut shares = vec![0.0; contenders.len()];
        for draw in 0..DRAWS {
            let mut winner = (f64::NEG_INFINITY, f64::INFINITY, 0);
            for (position, contender) in contenders.iter().enumerate() {
                let word = stream.word((draw * contenders.len() + position) as u64);
                let quality = contender.quality + scale * contender.width * normal_table()[normal_cell(word)];
                let score = contender.utility(quality);
                if score > winner.0 || (score == winner.0 && contender.cost < winner.1) {
                    winner = (score, contender.cost, position);
                }
            }
            shares[winner.2] += 1.0 / DRAWS as f64;
        }
        shares
    }

    #[test]
    fn leaving_out_hopeless_contenders_changes_no_share() {
        let contender = |position: u64| Contender {
            quality: (position * 37 % 64) as f64 / 64.0,
            width: (position * 11 % 7) as f64 / 7.0,
            evidence: 1.0,
            success: 0.99,
            penalty: (position % 3) as f64 * 0.1,
            cost: (position % 5) as f64,
        };
        for scale in [0.0, 0.01, 0.1, 1.0] {
            for seed in 0..50 {
                let contenders: Vec<Contender> = (0..20).map(|position| contender(position + seed)).collect();
                let mut shares = vec![0.0; contenders.len()];
                share(&contenders, scale, seed, &mut shares);
                assert_eq!(shares, share_of_all(&contenders, scale, seed));
            }
        }
    }

    #[test]
    fn equal_scores_go_to_the_cheaper_then_to_the_earlier() {
        let alike = Contender { quality: 0.5, width: 0.0, evidence: 1.0, success: 1.0, penalty: 0.0, cost: 2.0 };
        let mut shares = [0.0; 4];
        share(&[alike, Contender { cost: 1.0, ..alike }, Contender { cost: 1.0, ..alike }, alike], 0.1, 3, &mut shares);
        assert_eq!(shares, [0.0, 1.0, 0.0, 0.0]);
    }
}
