//! Lanes of four numbers and blocks of four lanes: the words that small dense algebra is written in.
//!
//! Laid out so that plain loops over four neighbours become vector instructions; no product is fused, so every
//! processor rounds alike. Entered by `factor` and by whoever holds a vector; it allocates nothing but a new vector.

#![allow(clippy::needless_range_loop, reason = "indices of rows and columns are the language of matrices")]
#![allow(clippy::inline_always, reason = "only what is inlined is compiled for the wider registers of a processor")]

/// Rows that are computed side by side.
pub const LANE: usize = 4;
/// Four rows of one column.
pub type Lane = [f64; LANE];
/// Four columns of four rows.
pub type Block = [Lane; LANE];

/// Cells in the lower triangle of a square of this size.
#[must_use]
pub const fn triangle(size: usize) -> usize {
    size * (size + 1) / 2
}

/// Zeros for a vector of this size, in whole pairs of lanes.
#[must_use]
pub fn vector(size: usize) -> Vec<Lane> {
    vec![[0.0; LANE]; 2 * size.div_ceil(2 * LANE)]
}

/// Sum of products, in four running sums.
#[inline(always)]
#[must_use]
pub fn dot(left: &[Lane], right: &[Lane]) -> f64 {
    let mut sums = [0.0; LANE];
    for (a, b) in left.iter().zip(right) {
        for lane in 0..LANE {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sum(sums)
}

/// Sum of a lane's four numbers.
#[inline(always)]
pub(crate) fn sum(lane: Lane) -> f64 {
    (lane[0] + lane[1]) + (lane[2] + lane[3])
}

/// Products number by number.
#[inline(always)]
pub(crate) fn product(left: Lane, right: Lane) -> Lane {
    [left[0] * right[0], left[1] * right[1], left[2] * right[2], left[3] * right[3]]
}

/// Sums number by number.
#[inline(always)]
pub(crate) fn added(left: Lane, right: Lane) -> Lane {
    [left[0] + right[0], left[1] + right[1], left[2] + right[2], left[3] + right[3]]
}

/// Differences number by number.
#[inline(always)]
pub(crate) fn difference(left: Lane, right: Lane) -> Lane {
    [left[0] - right[0], left[1] - right[1], left[2] - right[2], left[3] - right[3]]
}

/// A lane times a number.
#[inline(always)]
pub(crate) fn scaled(lane: Lane, factor: f64) -> Lane {
    [lane[0] * factor, lane[1] * factor, lane[2] * factor, lane[3] * factor]
}

/// Sum of a block's four columns.
#[inline(always)]
pub(crate) fn sum_of_four(block: &Block) -> Lane {
    added(added(block[0], block[1]), added(block[2], block[3]))
}

/// Rows as columns.
#[inline(always)]
pub(crate) fn transposed(block: &Block) -> Block {
    let row = |lane: usize| [block[0][lane], block[1][lane], block[2][lane], block[3][lane]];
    [row(0), row(1), row(2), row(3)]
}

/// `matrix * vector`.
#[inline(always)]
pub(crate) fn multiply(matrix: &Block, vector: Lane) -> Lane {
    let [first, second, third, fourth] = matrix;
    sum_of_four(&[
        scaled(*first, vector[0]),
        scaled(*second, vector[1]),
        scaled(*third, vector[2]),
        scaled(*fourth, vector[3]),
    ])
}

/// `matrixᵀ * vector`.
#[inline(always)]
pub(crate) fn multiply_transposed(matrix: &Block, vector: Lane) -> Lane {
    let [first, second, third, fourth] = matrix;
    sum_of_four(&transposed(&[
        product(*first, vector),
        product(*second, vector),
        product(*third, vector),
        product(*fourth, vector),
    ]))
}

/// A lane from which products are taken: one running sum per column of a block, so that no subtraction waits for the
/// one before it.
pub(crate) struct Running(Block);

impl Running {
    #[inline(always)]
    pub(crate) const fn of(start: Lane) -> Self {
        Self([start, [0.0; LANE], [0.0; LANE], [0.0; LANE]])
    }

    /// Takes away `block * vector`.
    #[inline(always)]
    pub(crate) fn subtract(&mut self, block: &Block, vector: &Lane) {
        let Self([first, second, third, fourth]) = self;
        *first = difference(*first, scaled(block[0], vector[0]));
        *second = difference(*second, scaled(block[1], vector[1]));
        *third = difference(*third, scaled(block[2], vector[2]));
        *fourth = difference(*fourth, scaled(block[3], vector[3]));
    }

    #[inline(always)]
    pub(crate) fn total(&self) -> Lane {
        sum_of_four(&self.0)
    }
}

/// `block -= left * rightᵀ`, where both sides are lists of columns of four rows.
#[inline(always)]
pub(crate) fn subtract_products(block: &mut Block, left: &[Lane], right: &[Lane]) {
    let mut rest = *block;
    for (l, r) in left.iter().zip(right) {
        for column in 0..LANE {
            for lane in 0..LANE {
                rest[column][lane] -= l[lane] * r[column];
            }
        }
    }
    *block = rest;
}

/// The same for two lists of rows and one of columns, each of which is read once for both.
#[inline(always)]
pub(crate) fn subtract_twice([first, second]: &mut [Block; 2], upper: &[Lane], lower: &[Lane], right: &[Lane]) {
    let (mut above, mut below) = (*first, *second);
    for ((u, l), r) in upper.iter().zip(lower).zip(right) {
        for column in 0..LANE {
            for lane in 0..LANE {
                above[column][lane] -= u[lane] * r[column];
            }
        }
        for column in 0..LANE {
            for lane in 0..LANE {
                below[column][lane] -= l[lane] * r[column];
            }
        }
    }
    (*first, *second) = (above, below);
}

/// `block * inverseᵀ`, for a lower triangular inverse.
#[inline(always)]
pub(crate) fn solve_right(block: &Block, inverse: &Block) -> Block {
    let mut solved = *block;
    for column in 0..LANE {
        solved[column] = scaled(block[0], inverse[0][column]);
        for earlier in 1..=column {
            for lane in 0..LANE {
                solved[column][lane] += block[earlier][lane] * inverse[earlier][column];
            }
        }
    }
    solved
}

/// The inverse of the Cholesky factor of `block` plus the prior `floor` on its diagonal, and its squared pivots.
#[inline(always)]
pub(crate) fn invert_factor(mut block: Block, floor: Lane) -> (Block, Lane) {
    // First a factor with ones on its diagonal, so that no root stands between one column and the next.
    let (mut pivots, mut sound) = ([0.0; LANE], [0.0; LANE]);
    for column in 0..LANE {
        pivots[column] = block[column][column] + floor[column];
        // Evidence is positive semidefinite, so no exact pivot is below the prior; `max` also replaces NaN.
        sound[column] = pivots[column].max(floor[column]);
        let unit = scaled(block[column], 1.0 / sound[column]);
        for later in column + 1..LANE {
            block[later] = difference(block[later], scaled(unit, block[column][later]));
        }
        block[column] = unit;
    }
    let [first, second, third, _] = block;
    let (one, two, three) = (-first[1], -second[2], -third[3]);
    let one_two = second[2] * first[1] - first[2];
    let two_three = third[3] * second[2] - second[3];
    let all = -(first[3] + second[3] * one + third[3] * one_two);
    let inverse = [[1.0, one, one_two, all], [0.0, 1.0, two, two_three], [0.0, 0.0, 1.0, three], [0.0, 0.0, 0.0, 1.0]];
    let roots = sound.map(|pivot| 1.0 / pivot.sqrt());
    let [one, two, three, four] = inverse;
    ([product(one, roots), product(two, roots), product(three, roots), product(four, roots)], pivots)
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::*;

    #[test]
    fn no_product_is_fused_with_a_sum() {
        // 1 + 2^-29 squared needs 59 bits: a fused product would keep those that rounding drops.
        let near_one = 1.0 + 1.0 / f64::from(1 << 29);
        let square = black_box(near_one) * black_box(near_one);
        let alone = |value: f64| [value, 0.0, 0.0, 0.0];
        assert_eq!(dot(&[alone(square), alone(near_one)], &[alone(-1.0), alone(near_one)]), 0.0);
        let mut block = [[square; LANE]; LANE];
        subtract_products(&mut block, &[[near_one; LANE]], &[[near_one; LANE]]);
        assert_eq!(block, [[0.0; LANE]; LANE]);
    }
}
