//! What a tenant's outcomes do to its own predictions beside the others', and that they do nothing to anybody else's.

mod world;

use atp_native::choice::{Choice, Figure};
use atp_native::decay::Decay;
use atp_native::engine::Engine;
use atp_native::parameters::{ContextMode, Parameters};
use proptest::prelude::*;

use world::{
    HOUR, Lesson, Question, TENANTS, engine, lesson, lessons, parameters, plain_parameters, query, question, questions,
    teach,
};

/// A graded answer to a tenant of which the mean and the linear model had predicted this.
fn graded(tenant: usize, quality: f64, predictions: (f64, f64)) -> Lesson {
    Lesson { tenant: Some(tenant), predictions: Some(predictions), ..lesson(quality) }
}

/// So many graded answers to nobody in particular, which say nothing new.
fn others(count: usize) -> Vec<Lesson> {
    vec![lesson(0.5); count]
}

fn choose(engine: &mut Engine, tenant: Option<usize>) -> Choice {
    engine.choose(&query(&Question { tenant, ..question() })).expect("a valid query")
}

/// By how much a tenant's prediction of the first arm differs from everybody's.
fn offset(engine: &mut Engine, tenant: usize) -> f64 {
    let [own, everybody] = [Some(tenant), None].map(|tenant| choose(engine, tenant).figure(Figure::Quality)[0]);
    own - everybody
}

fn known(engine: &Engine) -> Vec<&str> {
    engine.statistics().tenants.sorted().into_iter().map(|(name, _)| name).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_offset_stays_within_its_bound_and_moves_neither_widths_nor_reported_predictions(
        parameters in parameters(), lessons in lessons(), question in questions(), tenant in 0..TENANTS.len(),
    ) {
        let mut engine = engine(&parameters);
        teach(&mut engine, &lessons);
        let limits = Question { max_cost: None, quality_floor: None, latency_slo: None, ..question };

        let [own, everybody] = [Some(tenant), None]
            .map(|tenant| engine.choose(&query(&Question { tenant, ..limits.clone() })).expect("a valid query"));

        for (one, other) in own.figure(Figure::Quality).iter().zip(everybody.figure(Figure::Quality)) {
            prop_assert!((one - other).abs() <= parameters.tenant_offset_limit + 1e-12);
        }
        if own.chosen == everybody.chosen {
            prop_assert_eq!(own.predicted_mean, everybody.predicted_mean);
            prop_assert_eq!(own.predicted_linear, everybody.predicted_linear);
        }
    }

    #[test]
    fn a_lone_tenant_is_served_as_nobody_is(
        parameters in parameters(), lessons in lessons(), question in questions(), pseudo_count in 1.0..30.0,
    ) {
        let mut engine = engine(&Parameters { tenant_pseudo_count: pseudo_count, ..parameters });
        let alone = lessons.into_iter().map(|lesson| Lesson {
            tenant: Some(0), predictions: lesson.predictions.or(Some((0.5, 0.6))), ..lesson
        });
        teach(&mut engine, &alone.collect::<Vec<_>>());

        let [own, everybody] = [Some(0), None]
            .map(|tenant| engine.choose(&query(&Question { tenant, ..question.clone() })).expect("a valid query"));
        prop_assert_eq!(own, everybody);
    }

    #[test]
    fn what_one_tenant_grades_moves_no_other_tenants_offset(
        parameters in parameters(), lessons in lessons(), own in 0.0..=1.0,
    ) {
        // The gate and the arms are everybody's, so both engines learn them alike; only the names differ.
        let parameters = Parameters { tenant_limit: TENANTS.len(), ..parameters };
        let (mut heard, mut unheard) = (engine(&parameters), engine(&parameters));
        let taught = [lessons.clone(), vec![graded(0, own, (0.5, 0.4))]].concat();
        let nameless = taught.iter().map(|lesson| Lesson {
            tenant: lesson.tenant.filter(|tenant| *tenant != 0), ..lesson.clone()
        });
        teach(&mut heard, &taught);
        teach(&mut unheard, &nameless.collect::<Vec<_>>());

        for tenant in [None, Some(1), Some(2)] {
            prop_assert_eq!(choose(&mut heard, tenant), choose(&mut unheard, tenant));
        }
    }

    #[test]
    fn never_are_more_tenants_kept_than_the_limit_and_the_last_one_taught_is_among_them(
        lessons in lessons(), limit in 0..4_usize,
    ) {
        let parameters = Parameters { tenant_limit: limit, ..plain_parameters() };
        let mut engine = engine(&parameters);
        teach(&mut engine, &lessons);

        let teaches = |lesson: &&Lesson| lesson.quality.is_some() && lesson.predictions.is_some();
        let last = lessons.iter().rev().filter(teaches).find_map(|lesson| lesson.tenant);

        prop_assert!(known(&engine).len() <= limit);
        if let Some(last) = last.filter(|_| limit > 0) {
            prop_assert!(known(&engine).contains(&TENANTS[last]));
        }
    }
}

#[test]
fn pseudo_observations_shrink_a_difference_half_way_when_there_are_as_many_of_them() {
    let parameters = Parameters { tenant_pseudo_count: 2.0, context: ContextMode::Off, ..plain_parameters() };
    let mut engine = engine(&parameters);
    teach(&mut engine, &[others(3), vec![graded(0, 0.5, (0.6, 0.9)); 2]].concat());
    // Half of the difference of 0.1, and half of that: the others are twice the pseudo-observations.
    assert!((offset(&mut engine, 0) + 0.025).abs() < 1e-12);
}

#[test]
fn where_context_is_used_the_difference_is_taken_from_the_linear_model() {
    let mut engine = engine(&Parameters { tenant_pseudo_count: 2.0, ..plain_parameters() });
    teach(&mut engine, &[others(3), vec![graded(0, 0.5, (0.6, 0.9)); 2]].concat());
    assert!((offset(&mut engine, 0) + 0.1).abs() < 1e-12);
}

#[test]
fn a_learner_without_context_never_serves_the_linear_model() {
    let learner = atp_native::policy::Learner::Ucb1;
    let mut engine = engine(&Parameters { learner, context: ContextMode::On, ..plain_parameters() });
    teach(&mut engine, &[others(3), vec![graded(0, 0.5, (0.6, 0.9))]].concat());
    assert!(!choose(&mut engine, None).context_on);
    assert!((offset(&mut engine, 0) + 0.1 / 6.0).abs() < 1e-12);
}

#[test]
fn differences_fade_with_the_evidence() {
    let decay = Decay { half_life: Some(HOUR) };
    let parameters = Parameters { tenant_pseudo_count: 1.0, context: ContextMode::Off, decay, ..plain_parameters() };
    for (age, expected) in [(0, -0.0375), (HOUR, -0.02), (100 * HOUR, 0.0)] {
        let mut engine = engine(&parameters);
        let lessons = [others(3), vec![graded(0, 0.5, (0.6, 0.6))]].concat();
        teach(&mut engine, &lessons.into_iter().map(|lesson| Lesson { age, ..lesson }).collect::<Vec<_>>());
        // Sums are read on a grid of a sixty-fourth of a half-life.
        assert!((offset(&mut engine, 0) - expected).abs() < 1e-3, "{age}");
    }
}

#[test]
fn the_tenant_that_was_taught_from_longest_ago_makes_room_for_a_new_one() {
    let mut engine = engine(&plain_parameters());
    let ant = || graded(0, 0.5, (0.6, 0.6));
    teach(&mut engine, &[ant(), graded(1, 0.5, (0.6, 0.6)), ant(), graded(2, 0.5, (0.6, 0.6))]);
    assert_eq!(known(&engine), ["ant", "cat"]);
}

#[test]
fn an_engine_that_keeps_fewer_tenants_restores_those_that_were_taught_last() {
    let mut teacher = engine(&Parameters { tenant_limit: 3, ..plain_parameters() });
    teach(&mut teacher, &[2, 1, 0].map(|tenant| graded(tenant, 0.5, (0.6, 0.6))));
    for (limit, kept) in [(3, vec!["ant", "bee", "cat"]), (2, vec!["ant", "bee"]), (1, vec!["ant"]), (0, vec![])] {
        let mut engine = engine(&Parameters { tenant_limit: limit, ..plain_parameters() });
        engine.restore(&teacher.checkpoint()).expect("a sound checkpoint");
        assert_eq!(known(&engine), kept);
    }
}
