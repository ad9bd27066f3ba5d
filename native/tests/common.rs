//! What the arms have in common: when it is read, what it says, and who sees it.

mod world;

use atp_native::arm::Arm;
use atp_native::choice::Figure;
use atp_native::engine::Engine;
use atp_native::linalg::triangle;
use atp_native::parameters::{ContextMode, Parameters};
use atp_native::policy::Learner;
use proptest::prelude::*;

use world::{
    ARMS, DIMENSION, Lesson, Question, READING_PERIOD, engine, features, lesson, lessons, parameters, plain_parameters,
    query, question, teach, teach_from,
};

fn packed(values: [f32; DIMENSION]) -> Vec<u8> {
    values.into_iter().flat_map(f32::to_le_bytes).collect()
}

fn predictions(engine: &mut Engine, features: &[u8]) -> Vec<f64> {
    let asked = Question { features: features.to_vec(), cost_weight: 0.0, ..question() };
    let choice = engine.choose(&query(&asked)).expect("a valid query");
    // Without weights a utility is what quality is worth, and failures are as rare everywhere.
    choice.figure(Figure::Utility).iter().map(|utility| utility / 0.99).collect()
}

/// Graded answers of the first two arms, of which the second's are worse; both are better where the first feature is.
fn rising() -> Vec<Lesson> {
    let level = |step: usize| (step % 16) as f32 / 16.0;
    let graded = |step: usize| Lesson {
        arm: step % 2,
        features: packed([level(step / 2), 0.0, 0.0, 0.0, 0.0]),
        ..lesson(0.5 - 0.2 * (step % 2) as f64 + 0.3 * f64::from(level(step / 2)))
    };
    (0..4 * READING_PERIOD).map(graded).collect()
}

fn without_latency(parameters: Parameters) -> Parameters {
    Parameters { latency_scale: 1e24, ..parameters }
}

/// What solves a positive definite system, by Gauss's elimination.
fn solution(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    for pivot in 0..right.len() {
        for row in (0..right.len()).filter(|row| *row != pivot) {
            let share = matrix[row][pivot] / matrix[pivot][pivot];
            let taken = matrix[pivot].clone();
            matrix[row].iter_mut().zip(taken).for_each(|(cell, other)| *cell -= share * other);
            right[row] -= share * right[pivot];
        }
    }
    right.iter().enumerate().map(|(row, value)| value / matrix[row][row]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn common_slopes_solve_the_sums_that_are_left_around_the_means_of_each_arm(
        parameters in parameters(), precision in 0.01..10.0,
        lessons in prop::collection::vec((0..ARMS.len(), features(), 0.0..=1.0), READING_PERIOD),
    ) {
        let parameters = Parameters { common_precision: precision, ..parameters };
        let mut engine = engine(&parameters);
        let graded = lessons.into_iter().map(|(arm, features, quality)| Lesson { arm, features, ..lesson(quality) });
        teach(&mut engine, &graded.collect::<Vec<_>>());

        let statistics = engine.statistics();
        let scale = statistics.scale_of_lesson(world::NOW, parameters.decay);
        let slopes = &statistics.common.coefficients[1..];
        let (mut left, mut bias, mut weight) = (vec![0.0; DIMENSION], 0.0, 0.0);
        for arm in statistics.arms() {
            let cell = |row: usize, column: usize| {
                arm.quality.moments[triangle(row.max(column)) + row.min(column)]
            };
            let (count, products) = (cell(0, 0), &arm.quality.products);
            for row in 1..=DIMENSION {
                let within = |column: usize| cell(row, column) - cell(row, 0) * cell(column, 0) / count;
                let predicted: f64 = (1..=DIMENSION).map(|column| within(column) * slopes[column - 1]).sum();
                left[row - 1] += products[row] - cell(row, 0) * products[0] / count - predicted;
                bias -= cell(row, 0) * slopes[row - 1];
            }
            weight += count;
        }
        for (rest, slope) in left.iter().zip(slopes) {
            prop_assert!((scale * rest - precision * slope).abs() < 1e-9, "{rest} and {slope}");
        }
        prop_assert!((statistics.common.coefficients[0] - bias / weight).abs() < 1e-9);
        prop_assert_eq!(statistics.common.age, 0);
    }

    #[test]
    fn the_order_in_which_arms_became_known_does_not_matter(
        lessons in prop::collection::vec((0..ARMS.len(), features(), 0.0..=1.0), READING_PERIOD),
    ) {
        let graded = lessons.into_iter().map(|(arm, features, quality)| Lesson { arm, features, ..lesson(quality) });
        let mut ascending: Vec<Lesson> = graded.collect();
        ascending.sort_by_key(|lesson| lesson.arm);
        let mut descending = ascending.clone();
        descending.sort_by_key(|lesson| ARMS.len() - lesson.arm);
        let [one, other] = [ascending, descending].map(|lessons| {
            let mut engine = engine(&plain_parameters());
            teach(&mut engine, &lessons);
            engine
        });
        prop_assert_eq!(&one.statistics().common, &other.statistics().common);
        prop_assert!(one.statistics().common.coefficients.iter().any(|number| *number != 0.0));
    }

    #[test]
    fn estimates_that_were_made_before_a_reading_are_those_of_an_engine_restored_after_it(
        parameters in parameters(), lessons in lessons(), asked in features(),
    ) {
        let mut engine = engine(&parameters);
        for (sequence, one) in (0..).zip(&lessons) {
            engine.choose(&query(&question())).expect("a valid query");
            teach_from(sequence, &mut engine, [one]);
        }
        let mut restored = world::engine(&parameters);
        restored.restore(&engine.checkpoint()).expect("a sound checkpoint");

        let asked = Question { features: asked, ..question() };
        prop_assert_eq!(engine.choose(&query(&asked)), restored.choose(&query(&asked)));
    }

    #[test]
    fn a_linear_model_solves_its_sums_with_the_common_slopes_before_any_evidence(
        precision in 0.1..5.0, asked in features(),
        lessons in prop::collection::vec((0..ARMS.len(), features(), 0.0..=1.0), 2 * READING_PERIOD),
    ) {
        let mut engine = engine(&without_latency(Parameters { slope_precision: precision, ..plain_parameters() }));
        let graded = lessons.into_iter().map(|(arm, features, quality)| Lesson { arm, features, ..lesson(quality) });
        teach(&mut engine, &graded.collect::<Vec<_>>());
        let found = predictions(&mut engine, &asked);
        let statistics = engine.statistics();
        let slopes = &statistics.common.coefficients;
        for (arm, found) in ARMS.iter().zip(found) {
            let Some(slot) = statistics.slot(arm) else { continue };
            let sums = &statistics.arms()[slot].quality;
            // Six pairs of arms.
            let prior = |row: usize| if row == 0 { 1.0 } else { 6.0 * precision };
            let cell = |row: usize, column: usize| {
                sums.moments[triangle(row.max(column)) + row.min(column)]
                    + if row == column { prior(row) } else { 0.0 }
            };
            let right = |row: usize| {
                sums.products[row] + if row == 0 { 0.9 + slopes[0] } else { prior(row) * slopes[row] }
            };
            let size = DIMENSION + 1;
            let matrix = (0..size).map(|row| (0..size).map(|column| cell(row, column)).collect()).collect();
            let model = solution(matrix, (0..size).map(right).collect());
            let numbers = asked.as_chunks::<4>().0.iter().map(|bytes| f64::from(f32::from_le_bytes(*bytes)));
            let expected = model[0] + numbers.zip(&model[1..]).map(|(number, slope)| number * slope).sum::<f64>();
            prop_assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
        }
    }
}

#[test]
fn they_are_read_after_every_thirty_second_graded_outcome() {
    let mut engine = engine(&plain_parameters());
    for (sequence, one) in (0..).zip(&rising()) {
        // Outcomes without a grade do not count.
        teach_from(
            2 * sequence,
            &mut engine,
            &[one.clone(), Lesson { quality: None, tokens: Some(9.0), ..one.clone() }],
        );
        let common = &engine.statistics().common;
        assert_eq!(common.age, (sequence + 1) % 32);
        assert_eq!(common.coefficients[1] != 0.0, sequence >= 31, "{sequence}");
    }
}

#[test]
fn an_arm_without_evidence_predicts_what_the_others_have_in_common_around_its_prior() {
    let parameters = without_latency(plain_parameters());
    let mut engine = engine(&parameters);
    teach(&mut engine, &rising());
    let slope = engine.statistics().common.coefficients[1];
    assert!((0.2..0.3).contains(&slope), "{slope}");

    let [low, high] = [0.0, 1.0].map(|level| predictions(&mut engine, &packed([level, 0.0, 0.0, 0.0, 0.0]))[3]);

    // The mean of the feature is 15 / 32.
    assert!((low - (0.9 - slope * 15.0 / 32.0)).abs() < 1e-9, "{low}");
    assert!((high - low - slope).abs() < 1e-9);
}

#[test]
fn nobody_sees_them_where_context_is_not_used() {
    for parameters in [
        Parameters { context: ContextMode::Off, ..plain_parameters() },
        Parameters { learner: Learner::Ucb1, ..plain_parameters() },
    ] {
        let mut engine = engine(&without_latency(parameters));
        teach(&mut engine, &rising());
        let found = predictions(&mut engine, &packed([1.0, 0.0, 0.0, 0.0, 0.0]))[3];
        assert!((found - 0.9).abs() < 1e-12, "{found}");
    }
}

#[test]
fn no_evidence_that_weighs_anything_has_nothing_in_common() {
    let decay = atp_native::decay::Decay { half_life: Some(64) };
    let mut engine = engine(&Parameters { decay, ..plain_parameters() });
    teach(&mut engine, &[lesson(0.5)]);
    let faded = Lesson { age: world::NOW / 2, ..rising().swap_remove(7) };
    teach_from(1, &mut engine, &vec![faded; READING_PERIOD]);
    engine.discount(ARMS[0], 0.0).expect("a valid share");
    teach_from(100, &mut engine, &vec![Lesson { arm: 1, age: world::NOW / 2, ..lesson(0.5) }; READING_PERIOD]);
    assert!(engine.statistics().common.coefficients.iter().all(|number| *number == 0.0));
}

#[test]
fn slopes_are_shrunk_once_for_each_pair_of_arms_that_are_loaded() {
    let parameters = Parameters { slope_precision: 2.0, ..plain_parameters() };
    let found = [0, 1, 2, 3, 8, 45, 46, 512].map(|arms| parameters.slope_precision_of(arms) / 2.0);
    assert_eq!(found, [1.0, 1.0, 1.0, 3.0, 28.0, 990.0, 1000.0, 1000.0]);
}

#[test]
fn another_number_of_arms_is_another_shrinkage() {
    let mut engine = engine(&without_latency(plain_parameters()));
    teach(&mut engine, &rising()[..READING_PERIOD - 2]);
    let arm = |name: &str| Arm {
        name: name.to_owned(),
        quality: 0.9,
        output_tokens: 200.0,
        latency: 0.0,
        failure_rate: 0.01,
    };
    let offer = |arm| atp_native::arm::Offer { arm, input_price: 0, output_price: 0 };
    let mut slopes = Vec::new();
    for (generation, names) in [(2, &ARMS[..]), (3, &ARMS[..3]), (4, &ARMS[..2])] {
        engine.load(names.iter().map(|name| arm(name)).collect(), vec![offer(0), offer(1)], generation).expect("arms");
        let [low, high] = [0.0, 1.0].map(|level| {
            let features = packed([level, 0.0, 0.0, 0.0, 0.0]);
            let asked = Question { candidates: vec![0, 1], features, cost_weight: 0.0, ..question() };
            let asked = atp_native::query::Query { generation, ..query(&asked) };
            engine.choose(&asked).expect("a valid query").figure(Figure::Quality)[0]
        });
        slopes.push(high - low);
    }
    assert!(slopes[0] < slopes[1] && slopes[1] < slopes[2], "{slopes:?}");
}
