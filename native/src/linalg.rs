//! Small dense algebra for one arm: the Cholesky factor of its precision and what is read from it.
//!
//! Everything moves in lanes of four rows, laid out so that plain loops over four neighbours become vector
//! instructions; no product is fused, so every processor rounds alike. It knows nothing of arms or decay.

#![allow(clippy::needless_range_loop, reason = "indices of rows and columns are the language of matrices")]

/// Rows that are computed side by side.
pub const LANE: usize = 4;
/// A squared pivot below this share of its diagonal entry is mostly rounding.
const PIVOT_RESOLUTION: f64 = 1.0 / (1_u64 << 32) as f64;
/// The ridge that replaces what rounding swallowed, as a share of the diagonal.
const RIDGE: f64 = 1.0 / (1_u64 << 40) as f64;
/// Four rows of one column.
pub type Lane = [f64; LANE];
/// Four columns of four rows.
type Block = [Lane; LANE];

/// Cells in the lower triangle of a square of this size.
#[must_use]
pub const fn triangle(size: usize) -> usize {
    size * (size + 1) / 2
}

/// Zeros for a vector of this size, in whole lanes.
#[must_use]
pub fn vector(size: usize) -> Vec<Lane> {
    vec![[0.0; LANE]; size.div_ceil(LANE)]
}

/// Sum of products, in four running sums.
#[must_use]
pub fn dot(left: &[Lane], right: &[Lane]) -> f64 {
    let mut sums = [0.0; LANE];
    for (a, b) in left.iter().zip(right) {
        for lane in 0..LANE {
            sums[lane] += a[lane] * b[lane];
        }
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3])
}

/// The lower Cholesky factor of a positive definite matrix, in panels of four rows.
///
/// The blocks on the diagonal are kept inverted, so that substitution multiplies four rows at a time instead of
/// dividing one by one.
#[derive(Clone, Debug)]
pub struct Factor {
    size: usize,
    /// Panel after panel: the columns left of the diagonal block, four rows each.
    left: Vec<Lane>,
    /// The inverse of each diagonal block.
    diagonal: Vec<Block>,
}

impl Factor {
    /// Room for a factor of this size.
    #[must_use]
    pub fn new(size: usize) -> Self {
        let panels = size.div_ceil(LANE);
        Self { size, left: vec![[0.0; LANE]; panel_start(panels)], diagonal: vec![[[0.0; LANE]; LANE]; panels] }
    }

    /// Factorises `scale * moments + diag(prior(row))`; `moments` is a packed lower triangle.
    ///
    /// Large, almost collinear features leave directions that rounding has swallowed. Then a ridge relative to the
    /// diagonal is added, far above rounding and far below evidence, so this cannot fail.
    pub fn refresh(&mut self, moments: &[f64], scale: f64, prior: impl Fn(usize) -> f64) {
        if !self.factorise(moments, scale, &prior) {
            let diagonal = |row: usize| scale * moments[triangle(row) + row] + prior(row);
            self.factorise(moments, scale, &|row| prior(row) + RIDGE * diagonal(row));
        }
    }

    /// False when a pivot is too small against its diagonal entry to be believed.
    fn factorise(&mut self, moments: &[f64], scale: f64, prior: &impl Fn(usize) -> f64) -> bool {
        let mut is_resolved = true;
        for panel in 0..self.diagonal.len() {
            let (done, rest) = self.left.split_at_mut(panel_start(panel));
            let rows = &mut rest[..panel * LANE];
            for column in 0..panel {
                let mut block = load(moments, scale, self.size, panel, column);
                let columns = &done[panel_start(column)..panel_start(column + 1)];
                subtract_products(&mut block, &rows[..column * LANE], columns);
                rows[column * LANE..(column + 1) * LANE].copy_from_slice(&solve_right(&block, &self.diagonal[column]));
            }
            let first = panel * LANE;
            let floor: Lane = std::array::from_fn(|row| if first + row < self.size { prior(first + row) } else { 1.0 });
            let mut block = load(moments, scale, self.size, panel, panel);
            let whole: Lane = std::array::from_fn(|row| block[row][row] + floor[row]);
            subtract_products(&mut block, rows, rows);
            let pivots;
            (self.diagonal[panel], pivots) = invert_factor(block, floor);
            is_resolved &= (0..LANE).all(|row| pivots[row] >= PIVOT_RESOLUTION * whole[row]);
        }
        is_resolved
    }

    /// The factor of a diagonal matrix.
    pub fn refresh_diagonal(&mut self, prior: impl Fn(usize) -> f64) {
        self.left.fill([0.0; LANE]);
        for (panel, block) in self.diagonal.iter_mut().enumerate() {
            *block = [[0.0; LANE]; LANE];
            for lane in 0..LANE.min(self.size - panel * LANE) {
                block[lane][lane] = 1.0 / prior(panel * LANE + lane).sqrt();
            }
        }
    }

    /// Replaces `vector` by L⁻¹ `vector`.
    pub fn whiten(&self, vector: &mut [Lane]) {
        for (panel, inverse) in self.diagonal.iter().enumerate() {
            let (done, rest) = vector.split_at_mut(panel);
            let columns = &self.left[panel_start(panel)..panel_start(panel + 1)];
            // One running sum per column of a block, so that no addition waits for the one before it.
            let mut sums: Block = [rest[0], [0.0; LANE], [0.0; LANE], [0.0; LANE]];
            for (block, values) in columns.as_chunks::<LANE>().0.iter().zip(done.iter()) {
                for column in 0..LANE {
                    for lane in 0..LANE {
                        sums[column][lane] -= block[column][lane] * values[column];
                    }
                }
            }
            let remainder: Lane =
                std::array::from_fn(|lane| (sums[0][lane] + sums[1][lane]) + (sums[2][lane] + sums[3][lane]));
            rest[0] = multiply(inverse, remainder);
        }
    }

    /// Replaces `vector` by L⁻ᵀ `vector`.
    pub fn whiten_transposed(&self, vector: &mut [Lane]) {
        for (panel, inverse) in self.diagonal.iter().enumerate().rev() {
            let (above, rest) = vector.split_at_mut(panel);
            let solved: Lane = std::array::from_fn(|lane| dot(&inverse[lane..=lane], &rest[..1]));
            rest[0] = solved;
            let columns = &self.left[panel_start(panel)..panel_start(panel + 1)];
            for (value, column) in above.as_flattened_mut().iter_mut().zip(columns) {
                *value -= dot(&[*column], &[solved]);
            }
        }
    }
}

/// A block of the scaled matrix without its prior; rows beyond the size are empty.
fn load(moments: &[f64], scale: f64, size: usize, panel: usize, column: usize) -> Block {
    let mut block = [[0.0; LANE]; LANE];
    for row in 0..LANE.min(size - panel * LANE) {
        let start = triangle(panel * LANE + row) + column * LANE;
        let cells = if panel == column { row + 1 } else { LANE };
        for (cell, value) in moments[start..start + cells].iter().enumerate() {
            block[cell][row] = scale * value;
        }
    }
    block
}

/// Where a panel begins among the columns left of the diagonal.
const fn panel_start(panel: usize) -> usize {
    LANE * panel * panel.saturating_sub(1) / 2
}

/// `block -= left * rightᵀ`, where both sides are lists of columns of four rows.
#[inline]
fn subtract_products(block: &mut Block, left: &[Lane], right: &[Lane]) {
    let mut sums = *block;
    for (l, r) in left.iter().zip(right) {
        for column in 0..LANE {
            for lane in 0..LANE {
                sums[column][lane] -= l[lane] * r[column];
            }
        }
    }
    *block = sums;
}

/// `block * inverseᵀ`, for a lower triangular inverse.
#[inline]
fn solve_right(block: &Block, inverse: &Block) -> Block {
    let mut solved = [[0.0; LANE]; LANE];
    for column in 0..LANE {
        for earlier in 0..=column {
            for lane in 0..LANE {
                solved[column][lane] += block[earlier][lane] * inverse[earlier][column];
            }
        }
    }
    solved
}

/// `matrix * vector`.
#[inline]
fn multiply(matrix: &Block, vector: Lane) -> Lane {
    std::array::from_fn(|lane| {
        (matrix[0][lane] * vector[0] + matrix[1][lane] * vector[1])
            + (matrix[2][lane] * vector[2] + matrix[3][lane] * vector[3])
    })
}

/// The inverse of the Cholesky factor of `block` plus the prior `floor` on its diagonal, and its squared pivots.
fn invert_factor(mut block: Block, floor: Lane) -> (Block, Lane) {
    let mut factor = [[0.0; LANE]; LANE];
    let mut pivots = [0.0; LANE];
    for column in 0..LANE {
        pivots[column] = block[column][column] + floor[column];
        // Evidence is positive semidefinite, so no exact pivot is below the prior; `max` also replaces NaN.
        let pivot = pivots[column].max(floor[column]).sqrt();
        factor[column][column] = pivot;
        for row in column + 1..LANE {
            factor[column][row] = block[column][row] / pivot;
        }
        for later in column + 1..LANE {
            for row in later..LANE {
                block[later][row] -= factor[column][row] * factor[column][later];
            }
        }
    }
    let mut inverse = [[0.0; LANE]; LANE];
    for column in 0..LANE {
        inverse[column][column] = 1.0 / factor[column][column];
        for row in column + 1..LANE {
            let sum: f64 = (column..row).map(|inner| factor[inner][row] * inverse[column][inner]).sum();
            inverse[column][row] = -sum / factor[row][row];
        }
    }
    (inverse, pivots)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Moments of a few vectors of differing lengths and directions, as a packed lower triangle.
    fn moments(size: usize, count: usize) -> Vec<f64> {
        let value = |sample: usize, column: usize| ((sample * 7 + column * 5 + sample * column) % 11) as f64 - 5.0;
        let cell = |row: usize, column: usize| (0..count).map(|s| value(s, row) * value(s, column)).sum();
        (0..size).flat_map(|row| (0..=row).map(move |column| cell(row, column))).collect()
    }

    fn prior(row: usize) -> f64 {
        if row == 0 { 1.0 } else { 0.5 }
    }

    #[test]
    fn two_substitutions_solve_the_system_at_every_size() {
        for size in 1..=21 {
            let (packed, scale) = (moments(size, 2 * size), 0.75);
            let mut factor = Factor::new(size);
            factor.refresh(&packed, scale, prior);
            let mut solution = vector(size);
            for (row, value) in solution.as_flattened_mut()[..size].iter_mut().enumerate() {
                *value = row as f64 - 2.0;
            }
            let right = solution.clone();

            factor.whiten(&mut solution);
            factor.whiten_transposed(&mut solution);

            let solution = solution.as_flattened();
            for row in 0..size {
                let cell = |column: usize| packed[triangle(row.max(column)) + row.min(column)];
                let products: f64 = (0..size).map(|column| scale * cell(column) * solution[column]).sum();
                let found = products + prior(row) * solution[row];
                let expected = right.as_flattened()[row];
                assert!((found - expected).abs() < 1e-9, "size {size}, row {row}: {found} is not {expected}");
            }
            assert!(solution[size..].iter().all(|value| *value == 0.0));
        }
    }

    #[test]
    fn evidence_that_swamps_the_prior_still_gives_a_finite_factor() {
        let size = 9;
        let mut factor = Factor::new(size);
        factor.refresh(&moments(size, 1), 1e80, prior);
        let mut ones = vector(size);
        ones.as_flattened_mut()[..size].fill(1.0);
        factor.whiten(&mut ones);
        assert!(ones.as_flattened().iter().all(|value| value.is_finite()));
    }

    #[test]
    fn without_evidence_the_factor_is_the_root_of_the_prior() {
        let (mut general, mut diagonal) = (Factor::new(6), Factor::new(6));
        general.refresh(&moments(6, 0), 1.0, prior);
        diagonal.refresh_diagonal(prior);
        let whitened = [general, diagonal].map(|factor| {
            let mut ones = vector(6);
            ones.as_flattened_mut()[..6].fill(1.0);
            factor.whiten(&mut ones);
            ones
        });
        assert_eq!(whitened[0], whitened[1]);
    }
}
