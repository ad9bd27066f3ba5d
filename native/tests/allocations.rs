//! How often the engine asks for memory once it has seen what it will see: only for what a choice takes away.

#![allow(unsafe_code, reason = "a global allocator cannot be written otherwise; this one only counts")]

mod world;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use atp_native::embed::{self, TextExtractor, TextTable};
use atp_native::engine::Engine;
use atp_native::error::Kind;
use atp_native::features::{DIMENSION, SCHEMA};
use atp_native::parameters::Parameters;
use atp_native::processor::Processor;
use atp_native::query::Query;

use world::{LEARNERS, Lesson, Question, engine, lesson, plain_parameters, query, question, teach_from};

/// The system's allocator, counting for each thread by itself, because tests run side by side.
struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is handed on to the system's allocator as it came; the counter is a plain cell that needs no
// memory of its own.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations<T>(call: impl FnOnce() -> T) -> usize {
    let before = COUNT.get();
    std::hint::black_box(call());
    COUNT.get() - before
}

/// A graded answer to a tenant, which teaches everything there is.
fn full_lesson() -> Lesson {
    Lesson {
        tokens: Some(300.0),
        latency: Some(1.5),
        failed: Some(false),
        predictions: Some((0.5, 0.6)),
        tenant: Some(0),
        ..lesson(0.8)
    }
}

fn settled(parameters: &Parameters) -> Engine {
    let mut engine = engine(parameters);
    teach_from(0, &mut engine, &[full_lesson()]);
    engine.choose(&query(&question())).expect("a valid query");
    engine
}

#[test]
fn a_choice_asks_for_the_two_pieces_of_memory_that_it_takes_away() {
    for learner in LEARNERS {
        let mut engine = settled(&Parameters { learner, ..plain_parameters() });
        let asked = Question { tenant: Some(0), ..question() };
        for seed in 0..20 {
            let asked = Question { seed, ..asked.clone() };
            let count = allocations(|| engine.choose(&query(&asked)).expect("a valid query"));
            assert_eq!(count, 2, "{learner:?}, seed {seed}");
        }
    }
}

#[test]
fn features_of_a_text_and_a_fresh_factor_need_no_memory_of_their_own() {
    let mut engine = settled(&plain_parameters());
    let asked = question();
    teach_from(1, &mut engine, &[full_lesson()]);
    assert_eq!(allocations(|| engine.choose(&query(&asked))), 2);

    let flags = Parameters { schema: SCHEMA.into(), dimension: DIMENSION, ..plain_parameters() };
    let mut engine = world::engine(&flags);
    let asked = Query { text: Some("Write a function.\n(A) one\n(B) two"), features: None, ..query(&asked) };
    engine.choose(&asked).expect("a valid query");
    assert_eq!(allocations(|| engine.choose(&asked)), 2);

    let bytes = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../atp_grpc/engine/text_table.bin"));
    let table = TextTable::decode(&bytes.expect("the table is shipped")).expect("a sound table");
    let parameters = Parameters { schema: embed::SCHEMA.into(), dimension: embed::DIMENSION, ..plain_parameters() };
    let text = Some(Arc::new(TextExtractor::new(table)));
    let mut engine = world::loaded(Engine::on(Processor::detect(), parameters, text).expect("valid parameters"));
    engine.choose(&asked).expect("a valid query");
    assert_eq!(allocations(|| engine.choose(&asked)), 2);
}

#[test]
fn an_engine_of_the_text_table_is_not_made_without_it() {
    let parameters = Parameters { schema: embed::SCHEMA.into(), dimension: embed::DIMENSION, ..plain_parameters() };
    assert_eq!(Engine::new(parameters).map_err(|fault| fault.kind).err(), Some(Kind::Engine));
}

#[test]
fn a_lesson_on_an_arm_that_was_learned_before_asks_for_none() {
    let mut engine = settled(&plain_parameters());
    let lessons = [full_lesson()];
    // Common slopes are read on the way, twice.
    for sequence in 1..80 {
        assert_eq!(allocations(|| teach_from(sequence, &mut engine, &lessons)), 0, "sequence {sequence}");
    }
    assert_eq!(engine.statistics().common.revision, 3);
}
