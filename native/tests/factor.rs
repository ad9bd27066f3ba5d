//! The factor of an arm's precision solves what it was made from, at every size and however little rounding leaves.

use atp_native::factor::Factor;
use atp_native::linalg::{triangle, vector};
use atp_native::processor::Processor;

/// Moments of a few vectors of differing lengths and directions, as a packed lower triangle.
fn moments(size: usize, count: usize) -> Vec<f64> {
    let value = |sample: usize, column: usize| ((sample * 7 + column * 5 + sample * column) % 11) as f64 - 5.0;
    let cell = |row: usize, column: usize| (0..count).map(|s| value(s, row) * value(s, column)).sum();
    (0..size).flat_map(|row| (0..=row).map(move |column| cell(row, column))).collect()
}

const PRIOR: [f64; 2] = [1.0, 0.5];

fn factor(size: usize) -> Factor {
    Factor::new(size, Processor::detect())
}

#[test]
fn two_substitutions_solve_the_system_at_every_size() {
    for size in 1..=21 {
        let (packed, scale) = (moments(size, 2 * size), 0.75);
        let mut factor = factor(size);
        factor.refresh(&packed, scale, PRIOR);
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
            let found = products + PRIOR[row.min(1)] * solution[row];
            let expected = right.as_flattened()[row];
            assert!((found - expected).abs() < 1e-9, "size {size}, row {row}: {found} is not {expected}");
        }
        assert!(solution[size..].iter().all(|value| *value == 0.0));
    }
}

#[test]
fn evidence_that_swamps_the_prior_still_gives_a_finite_factor() {
    let size = 9;
    let mut factor = factor(size);
    factor.refresh(&moments(size, 1), 1e80, PRIOR);
    let mut ones = vector(size);
    ones.as_flattened_mut()[..size].fill(1.0);
    factor.whiten(&mut ones);
    assert!(ones.as_flattened().iter().all(|value| value.is_finite()));
}

#[test]
fn what_rounding_left_of_large_moments_is_not_believed() {
    let size = 5;
    // Squares of 2^43 around a mean that took nearly all of them away.
    let (moments, squares) = (vec![-1e-3; triangle(size)], vec![(1_u64 << 43) as f64; size]);
    let mut factor = factor(size);
    factor.refresh_centred(&moments, &squares, 1.0, 0.01);
    let mut solution = vector(size);
    solution.as_flattened_mut()[..size].fill(1.0);
    factor.whiten(&mut solution);
    factor.whiten_transposed(&mut solution);
    // The ridge is 2^-40 of the squares.
    for value in &solution.as_flattened()[..size] {
        assert!((value - 1.0 / 8.0).abs() < 1e-3, "{value}");
    }
}

#[test]
fn without_evidence_the_factor_is_the_root_of_the_prior() {
    let (mut general, mut diagonal) = (factor(6), factor(6));
    general.refresh(&moments(6, 0), 1.0, PRIOR);
    diagonal.refresh_diagonal(PRIOR);
    let whitened = [general, diagonal].map(|factor| {
        let mut ones = vector(6);
        ones.as_flattened_mut()[..6].fill(1.0);
        factor.whiten(&mut ones);
        ones
    });
    assert_eq!(whitened[0], whitened[1]);
}

#[test]
fn plain_and_wide_instructions_give_the_same_bytes() {
    for size in 1..=70 {
        let packed = moments(size, 2 * size);
        let [plain, wide] = [Processor::plain(), Processor::detect()].map(|processor| {
            let mut factor = Factor::new(size, processor);
            // Sevenths and thirds, so that every product is rounded.
            factor.refresh(&packed, 1.0 / 7.0, [1.0, 1.0 / 3.0]);
            let (mut solution, mut bits) = (vector(size), Vec::new());
            solution.as_flattened_mut()[..size].fill(0.1);
            bits.push(factor.dot(&solution, &solution));
            bits.push(factor.whiten(&mut solution));
            bits.extend_from_slice(solution.as_flattened());
            factor.whiten_transposed(&mut solution);
            bits.extend_from_slice(solution.as_flattened());
            bits.into_iter().map(f64::to_bits).collect::<Vec<_>>()
        });
        assert_eq!(plain, wide, "size {size}");
    }
}
