//! Chance without a generator: every draw is a pure function of seed, stream and index.
//!
//! Words are outputs of `SplitMix64` (Steele, Lea and Flood, OOPSLA 2014); normals are discretised to 4096 equiprobable
//! cells whose quantiles come from Wichura's AS 241 (Applied Statistics 37, 1988). It never asks the system for
//! randomness.

use std::sync::LazyLock;

/// Stream of the normals behind Thompson sampling.
pub const POSTERIOR_STREAM: u64 = 1;
/// Stream of the one uniform that picks from the final distribution.
pub const PICK_STREAM: u64 = 2;
/// Cells of the discretised normal; the top twelve bits of a word select one.
pub const NORMAL_CELLS: usize = 4096;

const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

static NORMAL_TABLE: LazyLock<Box<[f64; NORMAL_CELLS]>> =
    LazyLock::new(|| Box::new(std::array::from_fn(|cell| quantile((cell as f64 + 0.5) / NORMAL_CELLS as f64))));

/// One stream of 64-bit words of a seed.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    start: u64,
}

impl Stream {
    /// The stream with this number.
    #[must_use]
    pub const fn new(seed: u64, stream: u64) -> Self {
        Self { start: mix64(seed.wrapping_add(stream.wrapping_mul(GAMMA))) }
    }

    /// The word at an index.
    #[inline]
    #[must_use]
    pub const fn word(self, index: u64) -> u64 {
        mix64(self.start.wrapping_add(index.wrapping_add(1).wrapping_mul(GAMMA)))
    }

    /// A number in [0, 1) on the grid of 2^-53.
    #[must_use]
    pub const fn uniform(self, index: u64) -> f64 {
        const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
        (self.word(index) >> 11) as f64 * STEP
    }
}

/// The quantiles of the standard normal in the middle of 4096 equiprobable cells, ascending and symmetric.
#[must_use]
pub fn normal_table() -> &'static [f64; NORMAL_CELLS] {
    &NORMAL_TABLE
}

/// The cell that a word selects.
#[inline]
#[must_use]
pub const fn normal_cell(word: u64) -> usize {
    (word >> 52) as usize
}

/// The finaliser of `SplitMix64`.
#[inline]
const fn mix64(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// Quantile of the standard normal for 0 < p < 1, relative error about 1e-16 (AS 241, routine PPND16).
fn quantile(p: f64) -> f64 {
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180_625 - q * q;
        return q * ratio(r, &CENTRE);
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    let r = (-libm::log(tail)).sqrt();
    let size = if r <= 5.0 { ratio(r - 1.6, &MIDDLE) } else { ratio(r - 5.0, &FAR) };
    size.copysign(q)
}

/// Quotient of two polynomials, coefficients from the constant upwards.
fn ratio(x: f64, [above, below]: &[[f64; 8]; 2]) -> f64 {
    let horner = |coefficients: &[f64; 8]| coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c);
    horner(above) / horner(below)
}

// Published coefficients, all digits kept.
#[allow(clippy::excessive_precision, clippy::unreadable_literal, reason = "copied digit by digit from the paper")]
mod coefficients {
    pub const CENTRE: [[f64; 8]; 2] = [
        [
            3.3871328727963666080e0,
            1.3314166789178437745e2,
            1.9715909503065514427e3,
            1.3731693765509461125e4,
            4.5921953931549871457e4,
            6.7265770927008700853e4,
            3.3430575583588128105e4,
            2.5090809287301226727e3,
        ],
        [
            1.0,
            4.2313330701600911252e1,
            6.8718700749205790830e2,
            5.3941960214247511077e3,
            2.1213794301586595867e4,
            3.9307895800092710610e4,
            2.8729085735721942674e4,
            5.2264952788528545610e3,
        ],
    ];
    pub const MIDDLE: [[f64; 8]; 2] = [
        [
            1.42343711074968357734e0,
            4.63033784615654529590e0,
            5.76949722146069140550e0,
            3.64784832476320460504e0,
            1.27045825245236838258e0,
            2.41780725177450611770e-1,
            2.27238449892691845833e-2,
            7.74545014278341407640e-4,
        ],
        [
            1.0,
            2.05319162663775882187e0,
            1.67638483018380384940e0,
            6.89767334985100004550e-1,
            1.48103976427480074590e-1,
            1.51986665636164571966e-2,
            5.47593808499534494600e-4,
            1.05075007164441684324e-9,
        ],
    ];
    pub const FAR: [[f64; 8]; 2] = [
        [
            6.65790464350110377720e0,
            5.46378491116411436990e0,
            1.78482653991729133580e0,
            2.96560571828504891230e-1,
            2.65321895265761230930e-2,
            1.24266094738807843860e-3,
            2.71155556874348757815e-5,
            2.01033439929228813265e-7,
        ],
        [
            1.0,
            5.99832206555887937690e-1,
            1.36929880922735805310e-1,
            1.48753612908506148525e-2,
            7.86869131145613259100e-4,
            1.84631831751005468180e-5,
            1.42151175831644588870e-7,
            2.04426310338993978564e-15,
        ],
    ];
}
use coefficients::{CENTRE, FAR, MIDDLE};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_finaliser_is_that_of_splitmix64() {
        // First outputs of SplitMix64 seeded with 0: mix64(1 * gamma), mix64(2 * gamma).
        assert_eq!(mix64(GAMMA), 0xE220_A839_7B1D_CDAF);
        assert_eq!(mix64(GAMMA.wrapping_mul(2)), 0x6E78_9E6A_A1B9_65F4);
    }

    #[test]
    fn the_normal_table_is_symmetric_ascending_and_of_unit_spread() {
        let table = normal_table();
        let variance = table.iter().map(|z| z * z).sum::<f64>() / NORMAL_CELLS as f64;

        assert!(table.windows(2).all(|pair| pair[0] < pair[1]));
        assert!((0..NORMAL_CELLS).all(|cell| (table[cell] + table[NORMAL_CELLS - 1 - cell]).abs() < 1e-13));
        assert!((variance.sqrt() - 0.9998).abs() < 1e-4);
    }

    #[test]
    fn quantiles_agree_with_known_values() {
        for (p, z) in
            [(0.975, 1.959_963_984_540_054), (0.999, 3.090_232_306_167_813_5), (1e-10, -6.361_340_902_404_056)]
        {
            assert!((quantile(p) - z).abs() < 1e-14 * z.abs().max(1.0) * 10.0, "{p}");
        }
    }
}
