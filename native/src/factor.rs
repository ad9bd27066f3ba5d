//! The Cholesky factor of one arm's precision, in panels of four rows, and what is read from it.
//!
//! Entered by `posterior`. Its kernels run on what the processor has and give the same bytes on every one. It knows
//! nothing of arms or decay, and after `new` it allocates nothing.

#![allow(clippy::needless_range_loop, reason = "indices of rows and columns are the language of matrices")]
#![allow(clippy::inline_always, reason = "only what is inlined is compiled for the wider registers of a processor")]

use std::hint::black_box;

use crate::linalg::{
    Block, LANE, Lane, Running, added, difference, dot, invert_factor, multiply, multiply_transposed, scaled,
    solve_right, subtract_products, subtract_twice, transposed, triangle, vector,
};
use crate::processor::Processor;

/// A squared pivot below this share of its diagonal entry is mostly rounding.
const PIVOT_RESOLUTION: f64 = 1.0 / (1_u64 << 32) as f64;
/// The ridge that replaces what rounding swallowed, as a share of the diagonal.
const RIDGE: f64 = 1.0 / (1_u64 << 40) as f64;

/// The lower Cholesky factor of a positive definite matrix, in panels of four rows.
///
/// The blocks on the diagonal are kept inverted, of two panels at a time, so that substitution multiplies eight rows at
/// a time instead of dividing one by one.
#[derive(Clone, Debug)]
pub struct Factor {
    size: usize,
    processor: Processor,
    /// Panel after panel: the columns left of the diagonal block, four rows each. Where a block stands between the two
    /// panels of a pair, it is replaced by that of the inverse.
    left: Vec<Lane>,
    /// The inverse of each diagonal block, two panels at a time.
    diagonal: Vec<[Block; 2]>,
    /// Nothing is left of the diagonal, whatever `left` holds.
    is_diagonal: bool,
}

impl Factor {
    /// Room for a factor of this size.
    #[must_use]
    pub fn new(size: usize, processor: Processor) -> Self {
        let panels = vector(size).len();
        Self {
            size,
            processor,
            left: vec![[0.0; LANE]; panel_start(panels)],
            diagonal: vec![[[[0.0; LANE]; LANE]; 2]; panels / 2],
            is_diagonal: true,
        }
    }

    /// Factorises `scale * moments + diag(prior)`; `moments` is a packed lower triangle, the prior is given for the
    /// first row and for every other.
    ///
    /// Large, almost collinear features leave directions that rounding has swallowed. Then a ridge relative to the
    /// diagonal is added, far above rounding and far below evidence, so this cannot fail.
    pub fn refresh(&mut self, moments: &[f64], scale: f64, prior: [f64; 2]) {
        self.refresh_from(&Source { moments, squares: None, scale, prior, size: self.size });
    }

    /// Factorises `scale * moments + precision`, where the moments are what is left of larger ones around a mean: how far
    /// they can be believed is judged by the diagonal of those, the `squares`.
    pub fn refresh_centred(&mut self, moments: &[f64], squares: &[f64], scale: f64, precision: f64) {
        self.refresh_from(&Source { moments, squares: Some(squares), scale, prior: [precision; 2], size: self.size });
    }

    fn refresh_from(&mut self, source: &Source) {
        self.is_diagonal = false;
        let processor = self.processor;
        processor.run(
            #[inline(always)]
            || {
                if !self.factorise(source, 0.0) {
                    self.factorise(source, RIDGE);
                }
                self.invert_pairs();
            },
        );
    }

    /// False when a pivot is too small against its diagonal entry to be believed.
    #[inline(always)]
    fn factorise(&mut self, source: &Source, ridge: f64) -> bool {
        let mut is_resolved = true;
        for pair in 0..self.diagonal.len() {
            let panel = 2 * pair;
            let (done, rest) = self.left.split_at_mut(panel_start(panel));
            let (upper, rest) = rest.split_at_mut(panel * LANE);
            let lower = &mut rest[..(panel + 1) * LANE];
            let (finished, diagonal) = self.diagonal.split_at_mut(pair);
            for (column, inverse) in finished.as_flattened().iter().enumerate() {
                let columns = &done[panel_start(column)..panel_start(column + 1)];
                let (before, place) = (column * LANE, column * LANE..(column + 1) * LANE);
                let mut blocks = [source.block(panel, column), source.block(panel + 1, column)];
                subtract_twice(&mut blocks, &upper[..before], &lower[..before], columns);
                upper[place.clone()].copy_from_slice(&solve_right(&blocks[0], inverse));
                lower[place].copy_from_slice(&solve_right(&blocks[1], inverse));
            }
            let [first, second] = &mut diagonal[0];
            let (before, corner) = lower.split_at_mut(panel * LANE);
            // Both sides are the same here. The compiler must not see it: it would compute half a block, cell by cell.
            let mut blocks = [source.block(panel, panel), source.block(panel + 1, panel)];
            subtract_twice(&mut blocks, upper, before, black_box(&*upper));
            is_resolved &= source.close(first, blocks[0], panel, ridge);
            corner.copy_from_slice(&solve_right(&blocks[1], first));
            let mut block = source.block(panel + 1, panel + 1);
            subtract_products(&mut block, lower, black_box(&*lower));
            is_resolved &= source.close(second, block, panel + 1, ridge);
        }
        is_resolved
    }

    /// Completes the inverse of the eight by eight block that each pair of panels has on the diagonal.
    #[inline(always)]
    fn invert_pairs(&mut self) {
        for (pair, [first, second]) in self.diagonal.iter().enumerate() {
            let end = panel_start(2 * pair + 2);
            let corner = &mut self.left[end - LANE..end];
            let between = [corner[0], corner[1], corner[2], corner[3]];
            for (place, column) in corner.iter_mut().zip(first) {
                *place = scaled(multiply(second, multiply(&between, *column)), -1.0);
            }
        }
    }

    /// The factor of a diagonal matrix.
    pub fn refresh_diagonal(&mut self, prior: [f64; 2]) {
        self.is_diagonal = true;
        for (panel, block) in self.diagonal.as_flattened_mut().iter_mut().enumerate() {
            *block = [[0.0; LANE]; LANE];
            for lane in 0..LANE.min(self.size.saturating_sub(panel * LANE)) {
                block[lane][lane] = 1.0 / prior[(panel + lane).min(1)].sqrt();
            }
        }
    }

    /// The scalar product of the coefficients of a linear model with a vector.
    #[must_use]
    pub fn dot(&self, left: &[Lane], right: &[Lane]) -> f64 {
        self.processor.run(
            #[inline(always)]
            || dot(left, right),
        )
    }

    /// Replaces `vector` by L⁻¹ `vector`, and gives the sum of its squares.
    pub fn whiten(&self, vector: &mut [Lane]) -> f64 {
        self.processor.run(
            #[inline(always)]
            || {
                self.substitute(vector);
                dot(vector, vector)
            },
        )
    }

    /// The blocks left of the upper and of the lower panel of a pair, and the one between the two.
    #[inline(always)]
    fn left_of(&self, pair: usize) -> (&[Block], &[Block], &Block) {
        if self.is_diagonal {
            return (&[], &[], &[[0.0; LANE]; LANE]);
        }
        let panel = 2 * pair;
        let upper = &self.left[panel_start(panel)..panel_start(panel + 1)];
        let lower = &self.left[panel_start(panel + 1)..panel_start(panel + 2)];
        let (lower, between) = lower.as_chunks().0.split_at(panel);
        (upper.as_chunks().0, lower, &between[0])
    }

    #[inline(always)]
    fn substitute(&self, vector: &mut [Lane]) {
        for (pair, [first, second]) in self.diagonal.iter().enumerate() {
            let (done, rest) = vector.split_at_mut(2 * pair);
            let (upper, lower, between) = self.left_of(pair);
            let (mut above, mut below) = (Running::of(rest[0]), Running::of(rest[1]));
            for ((one, other), values) in upper.iter().zip(lower).zip(done.iter()) {
                above.subtract(one, values);
                below.subtract(other, values);
            }
            let (above, below) = (above.total(), below.total());
            rest[0] = multiply(first, above);
            rest[1] = added(multiply(second, below), multiply(between, above));
        }
    }

    /// Replaces `vector` by L⁻ᵀ `vector`.
    pub fn whiten_transposed(&self, vector: &mut [Lane]) {
        self.processor.run(
            #[inline(always)]
            || self.substitute_transposed(vector),
        );
    }

    #[inline(always)]
    fn substitute_transposed(&self, vector: &mut [Lane]) {
        for (pair, [first, second]) in self.diagonal.iter().enumerate().rev() {
            let (above, rest) = vector.split_at_mut(2 * pair);
            let (upper, lower, between) = self.left_of(pair);
            let one = added(multiply_transposed(first, rest[0]), multiply_transposed(between, rest[1]));
            let other = multiply_transposed(second, rest[1]);
            (rest[0], rest[1]) = (one, other);
            for (values, (left, right)) in above.iter_mut().zip(upper.iter().zip(lower)) {
                *values = difference(*values, added(multiply_transposed(left, one), multiply_transposed(right, other)));
            }
        }
    }
}

/// The matrix that is factorised.
struct Source<'a> {
    moments: &'a [f64],
    /// What pivots are judged by, if not the diagonal of the moments.
    squares: Option<&'a [f64]>,
    scale: f64,
    prior: [f64; 2],
    size: usize,
}

impl Source<'_> {
    /// A block of the scaled matrix without its prior; rows beyond the size are empty.
    #[inline(always)]
    fn block(&self, panel: usize, column: usize) -> Block {
        let start = |row: usize| triangle(panel * LANE + row) + column * LANE;
        if panel != column && (panel + 1) * LANE <= self.size {
            return transposed(&[
                self.cells(start(0)),
                self.cells(start(1)),
                self.cells(start(2)),
                self.cells(start(3)),
            ]);
        }
        let mut block = [[0.0; LANE]; LANE];
        for row in 0..LANE.min(self.size.saturating_sub(panel * LANE)) {
            let cells = if panel == column { row + 1 } else { LANE };
            for (cell, value) in self.moments[start(row)..][..cells].iter().enumerate() {
                block[cell][row] = self.scale * value;
            }
        }
        block
    }

    /// Four neighbours of a row, scaled.
    #[inline(always)]
    fn cells(&self, start: usize) -> Lane {
        let cells = &self.moments[start..start + LANE];
        [self.scale * cells[0], self.scale * cells[1], self.scale * cells[2], self.scale * cells[3]]
    }

    /// Inverts the factor of a diagonal block, from which the products of its rows are taken already. False when a
    /// pivot is not to be believed.
    #[inline(always)]
    fn close(&self, diagonal: &mut Block, block: Block, panel: usize, ridge: f64) -> bool {
        let (mut floor, mut whole) = ([1.0; LANE], [1.0; LANE]);
        for lane in 0..LANE.min(self.size.saturating_sub(panel * LANE)) {
            let row = panel * LANE + lane;
            let prior = self.prior[row.min(1)];
            let square = self.squares.map_or_else(|| self.moments[triangle(row) + row], |squares| squares[row]);
            let entry = self.scale * square + prior;
            (floor[lane], whole[lane]) = (prior + ridge * entry, entry + ridge * entry);
        }
        let pivots;
        (*diagonal, pivots) = invert_factor(block, floor);
        (0..LANE).all(|lane| pivots[lane] >= PIVOT_RESOLUTION * whole[lane])
    }
}

/// Where a panel begins among the columns left of the diagonal.
const fn panel_start(panel: usize) -> usize {
    LANE * panel * panel.saturating_sub(1) / 2
}
