//! Linear Thompson sampling (Agrawal and Goyal, ICML 2013), with one normal per contender and draw.
//!
//! Draws are addressed by index, so a contender that cannot win any of them is left out without changing the others.

use super::{Contender, DRAWS};
use crate::rng::{NORMAL_CELLS, POSTERIOR_STREAM, Stream, normal_cell, normal_table};

/// The ends of the normal table, in widths.
pub(super) fn reach(scale: f64) -> (f64, f64) {
    let table = normal_table();
    (scale * table[0], scale * table[NORMAL_CELLS - 1])
}

/// Adds to each contender its share of the draws it wins.
pub(super) fn share(contenders: &[Contender], scale: f64, seed: u64, shares: &mut [f64]) {
    const SHARE: f64 = 1.0 / DRAWS as f64;
    let table = normal_table();
    let score = |contender: &Contender, z: f64| contender.utility(contender.quality + scale * contender.width * z);
    // Rounded products and sums are monotone, so the ends of the table bound every score exactly.
    let sure = contenders.iter().map(|contender| score(contender, table[0])).fold(f64::NEG_INFINITY, f64::max);
    let may_win = |contender: &Contender| score(contender, table[NORMAL_CELLS - 1]) >= sure;

    let stream = Stream::new(seed, POSTERIOR_STREAM);
    let mut leaders = [(f64::NEG_INFINITY, f64::INFINITY, 0_usize); DRAWS];
    for (position, contender) in contenders.iter().enumerate().filter(|(_, contender)| may_win(contender)) {
        let mut index = position as u64;
        for leader in &mut leaders {
            let score = score(contender, table[normal_cell(stream.word(index))]);
            if score > leader.0 || (score == leader.0 && contender.cost < leader.1) {
                *leader = (score, contender.cost, position);
            }
            index += contenders.len() as u64;
        }
    }
    for (_, _, position) in leaders {
        shares[position] += SHARE;
    }
}
