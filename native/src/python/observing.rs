//! Observe as Python sees it: reports and lessons become the domain's own tuples, observations become records.
//!
//! `atp_grpc/services/reports/native.py`, `atp_grpc/learning/native.py` and `atp_grpc/store/native.py` name what crosses.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};

use super::guarded;
use crate::error::{Fault, Kind};
use crate::observing::lesson::Lesson;
use crate::observing::record::record;
use crate::wire::report::{self, Attempt, Named, Report};
use crate::wire::request::split_batch;

const TOO_LONG: Fault = Kind::Engine.because("a text is too long to be written down");
const UNKNOWN_ERROR: Fault = Kind::Engine.because("an attempt has an error that has no number");
const NO_PRICE: i64 = -1;

/// A class of named tuples. They are made as `tuple` makes them, without the detour through a function in Python.
pub(super) struct Class {
    class: Py<PyAny>,
    make: Py<PyAny>,
}

impl Class {
    pub(super) fn of(class: &Bound<'_, PyAny>) -> PyResult<Self> {
        let make = class.py().get_type::<PyTuple>().getattr("__new__")?;
        Ok(Self { class: class.clone().unbind(), make: make.unbind() })
    }

    pub(super) fn made<'py, Fields>(&self, py: Python<'py>, fields: Fields) -> PyResult<Bound<'py, PyAny>>
    where
        Fields: IntoPyObject<'py, Target = PyTuple, Output = Bound<'py, PyTuple>>,
        PyErr: From<Fields::Error>,
    {
        self.make.bind(py).call1((self.class.bind(py), fields.into_pyobject(py)?))
    }
}

/// Reads reports into the tuples of `domain.outcome`.
#[pyclass(frozen, module = "atp_native")]
pub(super) struct ReportReader {
    reading: Class,
    report: Class,
    attempt: Class,
    usage: Class,
    /// What stands for each number of `atp.v1.AttemptError`.
    errors: Vec<Py<PyAny>>,
    no_labels: Py<PyAny>,
}

impl ReportReader {
    fn one<'py>(&self, py: Python<'py>, message: &[u8]) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some((named, report)) = report::read(message) else { return Ok(None) };
        let attempts = report.attempts.iter().map(|made| self.attempt(py, made)).collect::<PyResult<Vec<_>>>()?;
        let labels = if report.labels.is_empty() {
            self.no_labels.bind(py).clone()
        } else {
            let labels = PyDict::new(py);
            for (key, text) in report.labels {
                labels.set_item(key, text)?;
            }
            labels.into_any()
        };
        let said = self.report.made(py, (report.quality, PyTuple::new(py, attempts)?, labels))?;
        let reading = match named {
            Named::Token(token) => self.reading.made(py, (PyBytes::new(py, token), py.None(), said)),
            Named::Id(id) => self.reading.made(py, (py.None(), id, said)),
        };
        reading.map(Some)
    }

    fn attempt<'py>(&self, py: Python<'py>, attempt: &Attempt<'_>) -> PyResult<Bound<'py, PyAny>> {
        let usage = self.usage.made(py, <(_, _, _, _, _)>::from(attempt.tokens))?;
        let error = &self.errors[usize::from(attempt.error)];
        self.attempt.made(py, (attempt.model, attempt.deployment, error, usage, attempt.cost, attempt.latency))
    }
}

#[pymethods]
impl ReportReader {
    /// Takes the classes of reading, report, attempt and usage, what stands for each error, and for no labels.
    #[new]
    #[pyo3(signature = (reading, report, attempt, usage, errors, no_labels, /))]
    fn new(
        reading: &Bound<'_, PyAny>,
        report: &Bound<'_, PyAny>,
        attempt: &Bound<'_, PyAny>,
        usage: &Bound<'_, PyAny>,
        errors: Vec<Py<PyAny>>,
        no_labels: Py<PyAny>,
    ) -> PyResult<Self> {
        let (reading, report) = (Class::of(reading)?, Class::of(report)?);
        Ok(Self { reading, report, attempt: Class::of(attempt)?, usage: Class::of(usage)?, errors, no_labels })
    }

    /// The reading (token, decision id, report) of the bytes of an `ObserveRequest`; None when they are not plainly valid.
    #[pyo3(signature = (payload, /))]
    fn read<'py>(&self, py: Python<'py>, payload: &[u8]) -> PyResult<Option<Bound<'py, PyAny>>> {
        guarded(|| self.one(py, payload))
    }

    /// The same of each report of an `ObserveBatchRequest`; None when the batch itself is not plainly valid.
    #[pyo3(signature = (payload, /))]
    fn read_batch<'py>(&self, py: Python<'py>, payload: &[u8]) -> PyResult<Option<Vec<Option<Bound<'py, PyAny>>>>> {
        guarded(|| {
            let Some(messages) = split_batch(payload) else { return Ok(None) };
            messages.into_iter().map(|message| self.one(py, message)).collect::<PyResult<_>>().map(Some)
        })
    }
}

/// Reads what a token opened into.
#[pyclass(frozen, module = "atp_native")]
pub(super) struct LessonReader {
    lesson: Class,
    features: Class,
    prices: Class,
    revisions: Class,
}

#[pymethods]
impl LessonReader {
    /// Takes the classes of lesson, features, prices and revisions.
    #[new]
    #[pyo3(signature = (lesson, features, prices, revisions, /))]
    fn new(
        lesson: &Bound<'_, PyAny>,
        features: &Bound<'_, PyAny>,
        prices: &Bound<'_, PyAny>,
        revisions: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let (lesson, features) = (Class::of(lesson)?, Class::of(features)?);
        Ok(Self { lesson, features, prices: Class::of(prices)?, revisions: Class::of(revisions)? })
    }

    /// The lesson of a tenant; None when the bytes are not one.
    #[pyo3(signature = (plain, tenant, /))]
    fn read<'py>(
        &self,
        py: Python<'py>,
        plain: &[u8],
        tenant: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        guarded(|| {
            let Some(lesson) = Lesson::read(plain) else { return Ok(None) };
            let [input, output, cached, reasoning, cache_write] = lesson.prices;
            let price = |price| (price != NO_PRICE).then_some(price);
            let prices = self.prices.made(py, (input, output, price(cached), price(reasoning), price(cache_write)))?;
            let features = self.features.made(py, (lesson.schema, PyBytes::new(py, lesson.features)))?;
            let [policy, catalog, learner] = lesson.revisions;
            let revisions = self.revisions.made(py, (lesson.policy, policy, catalog, learner))?;
            let fields: [Bound<'py, PyAny>; 14] = [
                tenant.clone(),
                lesson.decision_id.into_pyobject(py)?.into_any(),
                lesson.decided.into_pyobject(py)?.into_any(),
                lesson.expires.into_pyobject(py)?.into_any(),
                lesson.model.into_pyobject(py)?.into_any(),
                lesson.deployment.into_pyobject(py)?.into_any(),
                features,
                lesson.figures[0].into_pyobject(py)?.into_any(),
                lesson.figures[1].into_pyobject(py)?.into_any(),
                lesson.figures[2].into_pyobject(py)?.into_any(),
                lesson.figures[3].into_pyobject(py)?.into_any(),
                prices,
                revisions,
                lesson.hold.into_pyobject(py)?.into_any(),
            ];
            self.lesson.made(py, PyTuple::new(py, fields)?).map(Some)
        })
    }
}

/// Writes observations down.
#[pyclass(frozen, module = "atp_native")]
pub(super) struct ObservationWriter {
    /// What stands for each number of `atp.v1.AttemptError`.
    errors: Vec<Py<PyAny>>,
}

#[pymethods]
impl ObservationWriter {
    /// Takes what stands for each error.
    #[new]
    #[pyo3(signature = (errors, /))]
    const fn new(errors: Vec<Py<PyAny>>) -> Self {
        Self { errors }
    }

    /// The record of an `Observation`.
    #[pyo3(signature = (observation, /))]
    fn record<'py>(&self, py: Python<'py>, observation: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyBytes>> {
        guarded(|| {
            let observation = Fields(observation.as_borrowed());
            let lesson = observation.tuple(2)?;
            let (features, prices, revisions) = (lesson.tuple(6)?, lesson.tuple(11)?, lesson.tuple(12)?);
            let values = features.item(1)?;
            let values = values.cast::<PyBytes>()?;
            let read = Lesson {
                decided: lesson.whole(2)?,
                expires: lesson.whole(3)?,
                figures: [lesson.number(7)?, lesson.number(8)?, lesson.number(9)?, lesson.number(10)?],
                prices: [prices.whole(0)?, prices.whole(1)?, prices.price(2)?, prices.price(3)?, prices.price(4)?],
                revisions: [revisions.whole(1)?, revisions.whole(2)?, revisions.whole(3)?],
                hold: lesson.whole(13)?,
                decision_id: "",
                model: lesson.text(4)?,
                deployment: lesson.text(5)?,
                schema: features.text(0)?,
                policy: revisions.text(0)?,
                features: values.as_bytes(),
            };
            let (recorded, standing) = (Said::of(&observation.tuple(3)?)?, Said::of(&observation.tuple(4)?)?);
            let (recorded, standing) = (recorded.report(&self.errors)?, standing.report(&self.errors)?);
            let bytes = record(observation.whole(5)?, &read, &recorded, &standing).ok_or(TOO_LONG)?;
            Ok(PyBytes::new(py, &bytes))
        })
    }
}

/// The fields of a named tuple, by position.
pub(super) struct Fields<'a, 'py>(pub(super) Borrowed<'a, 'py, PyTuple>);

impl<'py> Fields<'_, 'py> {
    fn item(&self, position: usize) -> PyResult<Borrowed<'_, 'py, PyAny>> {
        self.0.get_borrowed_item(position)
    }

    pub(super) fn tuple(&self, position: usize) -> PyResult<Fields<'_, 'py>> {
        Ok(Fields(self.item(position)?.cast()?))
    }

    pub(super) fn text(&self, position: usize) -> PyResult<&str> {
        self.item(position)?.extract()
    }

    pub(super) fn texts(&self) -> PyResult<Vec<&str>> {
        self.0.iter_borrowed().map(Borrowed::extract).collect()
    }

    pub(super) fn whole(&self, position: usize) -> PyResult<i64> {
        self.item(position)?.extract()
    }

    fn number(&self, position: usize) -> PyResult<f64> {
        self.item(position)?.extract()
    }

    fn price(&self, position: usize) -> PyResult<i64> {
        let price: Option<i64> = self.item(position)?.extract()?;
        Ok(price.unwrap_or(NO_PRICE))
    }
}

/// A `Report`, held while its texts are borrowed.
struct Said<'py> {
    quality: Option<f64>,
    attempts: Vec<(Bound<'py, PyTuple>, Bound<'py, PyTuple>)>,
    labels: Vec<(String, String)>,
}

impl<'py> Said<'py> {
    fn of(report: &Fields<'_, 'py>) -> PyResult<Self> {
        let (listed, mut attempts) = (report.tuple(1)?, Vec::new());
        for attempt in listed.0.iter() {
            let attempt = attempt.cast_into::<PyTuple>()?;
            let usage = attempt.get_item(3)?.cast_into::<PyTuple>()?;
            attempts.push((attempt, usage));
        }
        let (mut labels, mapping) = (Vec::new(), report.item(2)?);
        if mapping.len()? > 0 {
            let entries = PyDict::new(mapping.py());
            entries.update(&*mapping.cast()?)?;
            for (key, text) in entries {
                labels.push((key.extract()?, text.extract()?));
            }
        }
        Ok(Self { quality: report.item(0)?.extract()?, attempts, labels })
    }

    fn report(&self, errors: &[Py<PyAny>]) -> PyResult<Report<'_>> {
        let attempts = self.attempts.iter().map(|(attempt, usage)| {
            let error = attempt.get_borrowed_item(2)?;
            let error = errors.iter().position(|known| error.is(known)).and_then(|at| u8::try_from(at).ok());
            let (input, cached, output, reasoning, written) = usage.extract()?;
            Ok(Attempt {
                model: attempt.get_borrowed_item(0)?.extract()?,
                deployment: attempt.get_borrowed_item(1)?.extract()?,
                error: error.ok_or(UNKNOWN_ERROR)?,
                tokens: [input, cached, output, reasoning, written],
                cost: attempt.get_borrowed_item(4)?.extract()?,
                latency: attempt.get_borrowed_item(5)?.extract()?,
            })
        });
        let labels = self.labels.iter().map(|(key, text)| (key.as_str(), text.as_str())).collect();
        Ok(Report { quality: self.quality, attempts: attempts.collect::<PyResult<_>>()?, labels })
    }
}
