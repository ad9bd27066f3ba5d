//! The Python face: the only folder that has heard of `PyO3`.
//!
//! It turns tuples of plain values into the engine's types and back; `atp_grpc/engine/native.py` names their fields.
//! Every entry catches panics, because `PyO3` would make of them an exception that no ordinary handler sees. It never
//! computes anything itself.

mod acknowledging;
mod asking;
mod choice;
mod drawing;
mod embedding;
mod observing;
mod reading;
mod request;
mod scribe;
mod tokens;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};

use crate::engine;
use crate::error::{Fault, Kind};
use crate::processor::Processor;
use crate::query::Query;
use acknowledging::{observe_batch_response, observe_response};
use asking::{AnswerWriter, AskReader};
use choice::Choice;
use embedding::TextExtractor;
use observing::{LessonReader, ObservationWriter, ReportReader};
use reading::{
    Candidates, Unreadable, name, number, read_arm, read_offer, read_outcome, read_parameters, read_query, read_text,
    whole,
};
use request::{Reader, Request};
use scribe::{Offerings, Routed, Scribe, route_batch_response, route_response};
use tokens::Tokenizer;

/// Version of everything that crosses; `atp_grpc/engine/native.py` carries the same integer.
const CROSSING: i64 = 7;

pyo3::create_exception!(atp_native, NativeError, pyo3::exceptions::PyException, "A refusal: (kind, sentence).");

impl From<Fault> for PyErr {
    fn from(fault: Fault) -> Self {
        NativeError::new_err((fault.kind.word(), fault.sentence))
    }
}

/// Runs an entry; a panic becomes a refusal. Locks are taken outside, so a panic does not poison them.
fn guarded<T>(body: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| Err(Kind::Panic.because("the engine failed").into()))
}

/// The engine with the memory that reading a query needs.
struct Held {
    engine: engine::Engine,
    candidates: Candidates,
}

/// A selection engine for one pool. Safe to share between threads; one at a time gets in.
#[pyclass(frozen, module = "atp_native")]
struct Engine {
    held: Mutex<Held>,
    /// What stands for each `Exclusion` on the Python side, in the order of that enum.
    exclusions: Py<PyTuple>,
}

impl Engine {
    fn lock(&self, py: Python<'_>) -> MutexGuard<'_, Held> {
        self.held.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner)
    }

    fn wrap(&self, py: Python<'_>, choice: crate::choice::Choice) -> Choice {
        Choice { choice, exclusions: self.exclusions.clone_ref(py) }
    }
}

#[pymethods]
impl Engine {
    #[new]
    #[pyo3(signature = (parameters, exclusions, text, /))]
    fn new(
        parameters: &Bound<'_, PyTuple>,
        exclusions: Py<PyTuple>,
        text: Option<PyRef<'_, TextExtractor>>,
    ) -> PyResult<Self> {
        guarded(|| {
            let text = text.map(|text| Arc::clone(&text.0));
            let engine = engine::Engine::on(Processor::detect(), read_parameters(parameters)?, text)?;
            Ok(Self { held: Mutex::new(Held { engine, candidates: Candidates::default() }), exclusions })
        })
    }

    #[getter]
    fn generation(&self, py: Python<'_>) -> i64 {
        self.lock(py).engine.generation()
    }

    #[pyo3(signature = (arms, offers, generation, /))]
    fn load(
        &self,
        py: Python<'_>,
        arms: &Bound<'_, PyList>,
        offers: &Bound<'_, PyList>,
        generation: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let mut held = self.lock(py);
        guarded(|| {
            let arms = arms.iter().map(|fields| read_arm(fields.cast()?)).collect::<PyResult<_>>()?;
            let offers = offers.iter().map(|fields| read_offer(fields.cast()?)).collect::<PyResult<_>>()?;
            Ok(held.engine.load(arms, offers, whole(generation.as_borrowed())?)?)
        })
    }

    #[pyo3(signature = (text, /))]
    fn features<'py>(&self, py: Python<'py>, text: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        let held = self.lock(py);
        guarded(|| Ok(PyBytes::new(py, &held.engine.features(read_text(text.as_borrowed())?)?)))
    }

    #[pyo3(signature = (query, /))]
    fn choose(&self, py: Python<'_>, query: &Bound<'_, PyTuple>) -> PyResult<Choice> {
        let mut held = self.lock(py);
        let Held { engine, candidates } = &mut *held;
        let choice = guarded(|| {
            engine.expect_generation(whole(query.get_borrowed_item(0)?)?)?;
            Ok(engine.choose(&read_query(query, candidates)?)?)
        })?;
        Ok(self.wrap(py, choice))
    }

    /// One result per query, in order: a `Choice`, or the `NativeError` it was refused with.
    #[pyo3(signature = (queries, /))]
    fn choose_batch<'py>(&self, py: Python<'py>, queries: &Bound<'py, PyList>) -> PyResult<Bound<'py, PyList>> {
        let mut held = self.lock(py);
        let results = guarded(|| {
            let queries: Vec<Bound<'_, PyTuple>> = queries.extract()?;
            let mut candidates: Vec<_> = queries.iter().map(|_| Candidates::default()).collect();
            let mut read = Vec::with_capacity(queries.len());
            for (fields, candidates) in queries.iter().zip(&mut candidates) {
                let generation = whole(fields.get_borrowed_item(0)?)?;
                match read_query(fields, candidates) {
                    Ok(query) => read.push((generation, Ok(query))),
                    Err(Unreadable::Fault(fault)) => read.push((generation, Err(fault))),
                    Err(Unreadable::Python(error)) => return Err(error),
                }
            }
            let engine = &mut held.engine;
            Ok(py.detach(|| {
                let choose = |(generation, query): (i64, Result<Query, Fault>)| {
                    engine.expect_generation(generation)?;
                    engine.choose(&query?)
                };
                read.into_iter().map(choose).collect::<Vec<_>>()
            }))
        })?;
        let list = PyList::empty(py);
        for result in results {
            match result {
                Ok(choice) => list.append(self.wrap(py, choice))?,
                Err(fault) => list.append(PyErr::from(fault).into_value(py))?,
            }
        }
        Ok(list)
    }

    #[pyo3(signature = (outcome, /))]
    fn learn(&self, py: Python<'_>, outcome: &Bound<'_, PyTuple>) -> PyResult<bool> {
        let mut held = self.lock(py);
        guarded(|| Ok(held.engine.learn(&read_outcome(outcome)?)?))
    }

    #[pyo3(signature = (arm, keep, /))]
    fn discount(&self, py: Python<'_>, arm: &Bound<'_, PyAny>, keep: &Bound<'_, PyAny>) -> PyResult<bool> {
        let mut held = self.lock(py);
        guarded(|| Ok(held.engine.discount(name(arm.as_borrowed())?, number(keep.as_borrowed())?)?))
    }

    fn checkpoint<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let engine = &self.lock(py).engine;
        guarded(|| Ok(PyBytes::new(py, &py.detach(|| engine.checkpoint()))))
    }

    #[pyo3(signature = (data, /))]
    fn restore(&self, py: Python<'_>, data: &[u8]) -> PyResult<()> {
        let mut held = self.lock(py);
        let engine = &mut held.engine;
        guarded(|| Ok(py.detach(|| engine.restore(data))?))
    }

    /// (arms, learned, `context_on`, `context_z`, `high_water`); an arm is (name, observations, quality,
    /// `output_tokens`, latency, `failure_rate`, `residual_sd`).
    #[pyo3(signature = (now, /))]
    fn summary<'py>(&self, py: Python<'py>, now: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyTuple>> {
        let mut held = self.lock(py);
        guarded(|| {
            let (summaries, context_z) = held.engine.summary(whole(now.as_borrowed())?)?;
            let arms = PyList::empty(py);
            for arm in summaries {
                let means = arm.means;
                let (tokens, latency, failures) = (means.output_tokens, means.latency, means.failure_rate);
                arms.append((arm.name, arm.observations, means.quality, tokens, latency, failures, arm.residual_sd))?;
            }
            let marks = PyDict::new(py);
            for (replica, mark) in &held.engine.statistics().high_water {
                marks.set_item(replica, mark)?;
            }
            let statistics = held.engine.statistics();
            (arms, statistics.learned, statistics.gate.is_open, context_z, marks).into_pyobject(py)
        })
    }

    /// A drill: the next `count` choices fail in the middle, as a defect would make them fail.
    #[pyo3(signature = (count, /))]
    fn inject_panic(&self, py: Python<'_>, count: u32) {
        self.lock(py).engine.inject_panic(count);
    }
}

#[pymodule(gil_used = false)]
fn atp_native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("CROSSING", CROSSING)?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("NativeError", module.py().get_type::<NativeError>())?;
    module.add_class::<Engine>()?;
    module.add_class::<Choice>()?;
    module.add_class::<Request>()?;
    module.add_class::<Reader>()?;
    module.add_class::<AskReader>()?;
    module.add_class::<AnswerWriter>()?;
    module.add_class::<Offerings>()?;
    module.add_class::<Routed>()?;
    module.add_class::<Scribe>()?;
    module.add_class::<ReportReader>()?;
    module.add_class::<LessonReader>()?;
    module.add_class::<ObservationWriter>()?;
    module.add_class::<TextExtractor>()?;
    module.add_class::<Tokenizer>()?;
    module.add_function(wrap_pyfunction!(observe_response, module)?)?;
    module.add_function(wrap_pyfunction!(observe_batch_response, module)?)?;
    module.add_function(wrap_pyfunction!(route_response, module)?)?;
    module.add_function(wrap_pyfunction!(route_batch_response, module)?)
}
