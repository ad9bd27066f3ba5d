//! Ask as Python sees it: requests become the domain's own tuples, answers and their events become bytes.
//!
//! `atp_grpc/services/ask_wire/native.py` names what crosses.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use super::guarded;
use super::observing::Class;
use super::request::{Memory, Request};
use crate::error::{Fault, Kind};
use crate::wire::answer::{self, Attempt, Final};
use crate::wire::ask::{Ask, Turn};

const UNKNOWN: Fault = Kind::Engine.because("an answer holds a word that has no number");

/// Reads requests of Ask that are plainly valid.
#[pyclass(frozen, module = "atp_native")]
pub(super) struct AskReader {
    constraints: Memory,
    objectives: Memory,
    samplings: Memory,
    turn: Class,
    part: Class,
    /// What stands for each number of `atp.v1.Role`.
    roles: Vec<Py<PyAny>>,
}

impl AskReader {
    fn one<'py>(&self, py: Python<'py>, ask: Ask<'_>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(constraints) = self.constraints.value(py, ask.routing.constraints)? else { return Ok(None) };
        let Some(objective) = self.objectives.value(py, ask.routing.objective)? else { return Ok(None) };
        let Some(sampling) = self.samplings.value(py, ask.sampling)? else { return Ok(None) };
        let turns = ask.turns.iter().map(|turn| self.turn(py, turn)).collect::<PyResult<Vec<_>>>()?;
        let routing = Request::new(ask.routing, constraints, objective);
        let read = (routing, PyTuple::new(py, turns)?, sampling, ask.request_id, ask.on_cut, ask.cache);
        Ok(Some(read.into_pyobject(py)?.into_any()))
    }

    fn turn<'py>(&self, py: Python<'py>, turn: &Turn<'_>) -> PyResult<Bound<'py, PyAny>> {
        let role = usize::try_from(turn.role).ok().and_then(|number| self.roles.get(number)).ok_or(UNKNOWN)?;
        let parts = turn.texts.iter().map(|text| self.part.made(py, (*text,))).collect::<PyResult<Vec<_>>>()?;
        self.turn.made(py, (role, PyTuple::new(py, parts)?))
    }
}

#[pymethods]
impl AskReader {
    /// The three functions take bytes and give (value, whether the bytes are plain).
    #[new]
    #[pyo3(signature = (constraints, no_constraints, objective, sampling, usual_sampling, turn, part, roles, /))]
    #[allow(clippy::too_many_arguments, reason = "each is one word of the domain")]
    fn new(
        py: Python<'_>,
        constraints: Py<PyAny>,
        no_constraints: Py<PyAny>,
        objective: Py<PyAny>,
        sampling: Py<PyAny>,
        usual_sampling: Py<PyAny>,
        turn: &Bound<'_, PyAny>,
        part: &Bound<'_, PyAny>,
        roles: Vec<Py<PyAny>>,
    ) -> PyResult<Self> {
        Ok(Self {
            constraints: Memory::new(constraints, no_constraints),
            objectives: Memory::new(objective, py.None()),
            samplings: Memory::new(sampling, usual_sampling),
            turn: Class::of(turn)?,
            part: Class::of(part)?,
            roles,
        })
    }

    /// (what is routed, turns, sampling, id, number of on-cut, number of cache use) of the bytes of an `AskRequest`;
    /// None when they are not plainly valid, or hold more than texts.
    #[pyo3(signature = (payload, /))]
    fn read<'py>(&self, py: Python<'py>, payload: &[u8]) -> PyResult<Option<Bound<'py, PyAny>>> {
        guarded(|| Ask::read(payload).map_or(Ok(None), |ask| self.one(py, ask)))
    }

    /// The same of the bytes of an `AskStreamRequest`.
    #[pyo3(signature = (payload, /))]
    fn read_streamed<'py>(&self, py: Python<'py>, payload: &[u8]) -> PyResult<Option<Bound<'py, PyAny>>> {
        guarded(|| Ask::read_streamed(payload).map_or(Ok(None), |ask| self.one(py, ask)))
    }
}

/// Writes answers of Ask.
#[pyclass(frozen, module = "atp_native")]
pub(super) struct AnswerWriter {
    /// What stands for each number of `atp.v1.FinishReason`, `AttemptError` and `CacheOutcome`.
    reasons: Vec<Py<PyAny>>,
    errors: Vec<Py<PyAny>>,
    outcomes: Vec<Py<PyAny>>,
}

/// The fields of the domain's `Target`, `Usage`, `Attempt`, `Billed` and `Final`.
type TargetFields<'a> = (&'a str, &'a str, &'a str);
type UsageFields = (Option<i64>, Option<i64>, Option<i64>, Option<i64>, Option<i64>);
type AttemptFields<'a, 'py> = (&'a str, &'a str, Word<'py>, UsageFields, Option<i64>, Option<f64>);
type BilledFields<'a, 'py> = (AttemptFields<'a, 'py>, TargetFields<'a>, bool);
type Seconds = (f64, f64, f64, f64);
type FinalFields<'a, 'py> = (
    TargetFields<'a>,
    Word<'py>,
    UsageFields,
    Bound<'py, PyTuple>,
    i64,
    i64,
    bool,
    Seconds,
    Word<'py>,
    &'a str,
    Option<f64>,
);
/// A word that stands for a number.
type Word<'py> = Bound<'py, PyAny>;

impl AnswerWriter {
    /// Takes the `Final` of the domain and lets `write` have it as the wire's.
    fn with<T>(&self, end: &Bound<'_, PyTuple>, write: impl FnOnce(&Final<'_>) -> T) -> PyResult<T> {
        let fields: FinalFields<'_, '_> = end.extract()?;
        let (target, reason, usage, billed, cost, expected_cost, is_estimated, latency, cache, revision, confidence) =
            fields;
        Ok(write(&Final {
            target: target.into(),
            finish_reason: number(&self.reasons, &reason)?,
            tokens: usage.into(),
            attempts: billed.iter_borrowed().map(|one| self.attempt(one)).collect::<PyResult<_>>()?,
            cost,
            expected_cost,
            is_estimated,
            latency: latency.into(),
            cache: number(&self.outcomes, &cache)?,
            revision,
            confidence,
        }))
    }

    fn attempt<'a>(&self, billed: Borrowed<'a, '_, PyAny>) -> PyResult<Attempt<'a>> {
        let ((_, _, error, usage, cost, seconds), target, is_estimated): BilledFields<'_, '_> = billed.extract()?;
        Ok(Attempt {
            target: target.into(),
            error: number(&self.errors, &error)?,
            tokens: usage.into(),
            cost: cost.unwrap_or(0),
            seconds: seconds.unwrap_or(0.0),
            is_estimated,
        })
    }
}

/// The place of a word among those that have numbers.
fn number(words: &[Py<PyAny>], word: &Word<'_>) -> PyResult<i64> {
    let place = words.iter().position(|known| word.is(known)).and_then(|place| i64::try_from(place).ok());
    Ok(place.ok_or(UNKNOWN)?)
}

#[pymethods]
impl AnswerWriter {
    /// Takes what stands for each number of a reason to finish, an attempt's error and an outcome of the cache.
    #[new]
    #[pyo3(signature = (reasons, errors, outcomes, /))]
    const fn new(reasons: Vec<Py<PyAny>>, errors: Vec<Py<PyAny>>, outcomes: Vec<Py<PyAny>>) -> Self {
        Self { reasons, errors, outcomes }
    }

    /// The bytes of an `AskResponse` that has no tool calls.
    #[pyo3(signature = (decision, text, end, /))]
    fn whole<'py>(
        &self,
        py: Python<'py>,
        decision: &[u8],
        text: &str,
        end: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        guarded(|| self.with(end, |end| PyBytes::new(py, &answer::whole(decision, text, end))))
    }

    /// The bytes of an `AskStreamResponse` with more of the text.
    #[pyo3(signature = (sequence, text, total_characters, /))]
    #[allow(clippy::unused_self, reason = "a method like the others")]
    fn delta<'py>(
        &self,
        py: Python<'py>,
        sequence: i64,
        text: &str,
        total_characters: i64,
    ) -> PyResult<Bound<'py, PyBytes>> {
        guarded(|| Ok(PyBytes::new(py, &answer::delta(sequence, text, total_characters))))
    }

    /// The bytes of an `AskStreamResponse` with the end.
    #[pyo3(signature = (sequence, end, /))]
    fn end<'py>(&self, py: Python<'py>, sequence: i64, end: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyBytes>> {
        guarded(|| self.with(end, |end| PyBytes::new(py, &answer::end(sequence, end))))
    }
}
