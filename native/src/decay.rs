//! Forgetting: forward decay with a half-life, an epoch and a reading grid.
//!
//! An outcome at time t weighs 2^((t - epoch) / half-life) for ever; only reading divides by today's weight (Cormode,
//! Shkapenyuk, Srivastava and Xu, ICDE 2009). Times are Unix nanoseconds, 0 or later. It never looks at a clock.

/// Half-lives in one epoch: weights stay below 2^32, and re-basing is an exact power of two.
pub const EPOCH_HALF_LIVES: i128 = 32;
/// Steps of the reading grid in one half-life, so that a factorisation is reused between ticks.
const TICKS_PER_HALF_LIFE: i64 = 64;
/// Largest exponent when statistics are read long before their epoch; keeps every estimate finite.
const EXPONENT_CAP: f64 = 64.0;

/// The half-life of evidence in nanoseconds, or none: then everything weighs 1 and the epoch stays 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decay {
    /// Nanoseconds after which evidence weighs half.
    pub half_life: Option<i64>,
}

impl Decay {
    /// The last moment of the reading grid that is not after `now`.
    #[must_use]
    pub fn tick(self, now: i64) -> i64 {
        self.half_life.map_or(0, |half_life| {
            let step = (half_life / TICKS_PER_HALF_LIFE).max(1);
            now / step * step
        })
    }

    /// Factor that turns stored sums into sums as of a tick.
    #[must_use]
    pub fn scale(self, tick: i64, epoch: i64) -> f64 {
        self.half_life.map_or(1.0, |half_life| libm::exp2((-half_lives(tick, epoch, half_life)).min(EXPONENT_CAP)))
    }

    /// Weight of an outcome at a moment, relative to the epoch.
    #[must_use]
    pub fn weight(self, moment: i64, epoch: i64) -> f64 {
        self.half_life.map_or(1.0, |half_life| libm::exp2(half_lives(moment, epoch, half_life)))
    }

    /// The later epoch that a moment asks for, with the exact power of two that moves sums there.
    #[must_use]
    pub fn rebase(self, moment: i64, epoch: i64) -> Option<(i64, f64)> {
        let half_life = i128::from(self.half_life?);
        let span = EPOCH_HALF_LIVES * half_life;
        let (moment, epoch) = (i128::from(moment), i128::from(epoch));
        if moment < epoch + span {
            return None;
        }
        let later = moment / span * span;
        let halvings = (later - epoch) / half_life;
        // The later epoch is not after the moment, so it fits.
        Some((i64::try_from(later).unwrap_or(i64::MAX), power_of_half(halvings)))
    }
}

/// Half-lives from the epoch to a moment. Both numbers are rounded before the division, as the contract says.
fn half_lives(moment: i64, epoch: i64, half_life: i64) -> f64 {
    (moment - epoch) as f64 / half_life as f64
}

/// 2^-count, exactly; 0 below the smallest subnormal number.
fn power_of_half(count: i128) -> f64 {
    match u64::try_from(count).unwrap_or(u64::MAX) {
        normal @ 0..=1022 => f64::from_bits((1023 - normal) << 52),
        subnormal @ 1023..=1074 => f64::from_bits(1 << (1074 - subnormal)),
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_half_are_exact_down_to_the_smallest_number() {
        assert_eq!(power_of_half(0), 1.0);
        assert_eq!(power_of_half(32), 0.5_f64.powi(32));
        assert_eq!(power_of_half(1022), f64::MIN_POSITIVE);
        assert_eq!(power_of_half(1074), f64::from_bits(1));
        assert_eq!(power_of_half(1075), 0.0);
    }

    #[test]
    fn an_epoch_beyond_the_largest_time_is_never_reached() {
        let decay = Decay { half_life: Some(1 << 62) };
        assert_eq!(decay.rebase(i64::MAX, 0), None);
    }

    #[test]
    fn the_epoch_moves_by_whole_epochs_only() {
        let decay = Decay { half_life: Some(100) };
        assert_eq!(decay.rebase(3_199, 0), None);
        assert_eq!(decay.rebase(3_200, 0), Some((3_200, 0.5_f64.powi(32))));
        assert_eq!(decay.rebase(9_700, 3_200), Some((9_600, 0.5_f64.powi(64))));
    }
}
