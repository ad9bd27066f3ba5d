//! What the two Thompson learners share: every contender scored in every draw, and each draw given to its winner.
//!
//! Draws are addressed by index, so a contender that cannot win any of them is left out without changing the others.

use super::Contender;
use crate::rng::{POSTERIOR_STREAM, Stream};

/// Posterior draws behind one Thompson choice.
pub const DRAWS: usize = 32;

/// Adds to each contender its share of the draws it wins.
///
/// `score` is the utility of the contender at a position by the words at an index, which counts draws times contenders
/// plus positions. `may_win` is false only of those whose score is below somebody else's in every draw.
pub(super) fn share(
    contenders: &[Contender],
    seed: u64,
    may_win: impl Fn(usize) -> bool,
    score: impl Fn(usize, Stream, u64) -> f64,
    shares: &mut [f64],
) {
    const SHARE: f64 = 1.0 / DRAWS as f64;
    let stream = Stream::new(seed, POSTERIOR_STREAM);
    let mut leaders = [(f64::NEG_INFINITY, f64::INFINITY, 0); DRAWS];
    for (position, contender) in contenders.iter().enumerate().filter(|(position, _)| may_win(*position)) {
        let mut index = position as u64;
        for leader in &mut leaders {
            let score = score(position, stream, index);
            if score > leader.0 || (score == leader.0 && contender.cost < leader.1) {
                *leader = (score, contender.cost, position);
            }
            index += contenders.len() as u64;
        }
    }
    for (_, _, winner) in leaders {
        shares[winner] += SHARE;
    }
}
