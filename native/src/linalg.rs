//! Small dense algebra for one arm: the Cholesky factor of its precision and what is read from it.
//!
//! Everything moves in lanes of four rows, laid out so that plain loops over four neighbours become vector
//! instructions; no product is fused, so every processor rounds alike. It knows nothing of arms or decay.

#![allow(clippy::needless_range_loop, reason = "indices of rows and columns are the language of matrices")]

/// Rows that are computed side by side.
pub const LANE: usize = 4;
/// Four rows of one column.
pub type Lane = [f64; LANE];
/// Four columns of four rows.
type Block = [Lane; LANE];
/// A squared pivot below this share of its diagonal entry is mostly rounding.
const PIVOT_RESOLUTION: f64 = 1.0 / (1_u64 << 32) as f64;
/// The ridge that replaces what rounding swallowed, as a share of the diagonal.
const RIDGE: f64 = 1.0 / (1_u64 << 40) as f64;

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
    /// Nothing is left of the diagonal, whatever `left` holds.
    is_diagonal: bool,
}

impl Factor {
    /// Room for a factor of this size.
    #[must_use]
    pub fn new(size: usize) -> Self {
        let panels = size.div_ceil(LANE);
        Self {
            size,
            left: vec![[0.0; LANE]; panel_start(panels)],
            diagonal: vec![[[0.0; LANE]; LANE]; panels],
            is_diagonal: true,
        }
    }

    /// Factorises `scale * moments + diag(prior(row))`; `moments` is a packed lower triangle.
    ///
    /// Large, almost collinear features leave directions that rounding has swallowed. Then a ridge relative to the
    /// diagonal is added, far above rounding and far below evidence, so this cannot fail.
    pub fn refresh(&mut self, moments: &[f64], scale: f64, prior: impl Fn(usize) -> f64) {
        self.is_diagonal = false;
        if !self.factorise(moments, scale, &prior) {
            let diagonal = |row: usize| scale * moments[triangle(row) + row] + prior(row);
            self.factorise(moments, scale, &|row| prior(row) + RIDGE * diagonal(row));
        }
    }

    /// The columns left of a diagonal block.
    fn left_of(&self, panel: usize) -> &[Lane] {
        if self.is_diagonal { &[] } else { &self.left[panel_start(panel)..panel_start(panel + 1)] }
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
        self.is_diagonal = true;
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
            let columns = self.left_of(panel);
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
            let columns = self.left_of(panel);
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
