//! Requests as Python sees them, and the reader that makes them of bytes.
//!
//! Constraints and objectives are Python's own values, made by the reference and remembered by the bytes they came in.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::{PyBytes, PyDict};

use super::guarded;
use crate::wire::request::{self, Input, split_batch};

/// A request, with the attributes of `domain.request.Routable`.
#[pyclass(frozen, module = "atp_native")]
pub(super) struct Request {
    #[pyo3(get, name = "request_id")]
    id: String,
    pub(super) text: Option<String>,
    #[pyo3(get)]
    schema_id: String,
    vector: Option<Vec<u8>>,
    #[pyo3(get)]
    input_tokens: Option<i64>,
    #[pyo3(get)]
    max_output_tokens: Option<i64>,
    #[pyo3(get)]
    constraints: Py<PyAny>,
    #[pyo3(get)]
    objective: Py<PyAny>,
    #[pyo3(get)]
    policy: String,
    #[pyo3(get)]
    min_revision: i64,
    #[pyo3(get)]
    pub(super) task_type: String,
    #[pyo3(get)]
    pub(super) session_id: String,
    pub(super) labels: Vec<(String, String)>,
}

impl Request {
    pub(super) fn new(request: request::Request<'_>, constraints: Py<PyAny>, objective: Py<PyAny>) -> Self {
        let (text, schema, vector) = match request.input {
            Input::Text(text) => (Some(text.into_owned()), "", None),
            Input::Vector { schema, values } => (None, schema, Some(values.into_owned())),
        };
        Self {
            id: request.request_id.to_owned(),
            text,
            schema_id: schema.to_owned(),
            vector,
            input_tokens: request.input_tokens,
            max_output_tokens: request.max_output_tokens,
            constraints,
            objective,
            policy: request.policy.to_owned(),
            min_revision: request.min_revision,
            task_type: request.task_type.to_owned(),
            session_id: request.session_id.to_owned(),
            labels: request.labels.into_iter().map(|(key, text)| (key.to_owned(), text.to_owned())).collect(),
        }
    }
}

#[pymethods]
impl Request {
    #[getter]
    fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// The request itself: the engine finds the text in it.
    #[getter]
    fn source(slf: Bound<'_, Self>) -> Option<Bound<'_, Self>> {
        slf.get().text.is_some().then_some(slf)
    }

    #[getter]
    fn text_bytes(&self) -> usize {
        self.text.as_ref().map_or(0, String::len)
    }

    #[getter]
    fn vector<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.vector.as_ref().map(|values| PyBytes::new(py, values))
    }

    #[getter]
    fn labels<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let labels = PyDict::new(py);
        for (key, text) in &self.labels {
            labels.set_item(key, text)?;
        }
        Ok(labels)
    }
}

/// Values that Python makes of bytes, remembered by those bytes.
pub(super) struct Memory {
    /// Makes the value; None where the bytes are not plain.
    make: Py<PyAny>,
    /// What stands for no bytes at all.
    absent: Py<PyAny>,
    known: Mutex<HashMap<Box<[u8]>, Py<PyAny>>>,
}

/// Longer ones are made anew each time, so that memory stays bounded.
const REMEMBERED_BYTES: usize = 2048;
const REMEMBERED: usize = 1024;

impl Memory {
    pub(super) fn new(make: Py<PyAny>, absent: Py<PyAny>) -> Self {
        Self { make, absent, known: Mutex::default() }
    }

    pub(super) fn value(&self, py: Python<'_>, bytes: Option<&[u8]>) -> PyResult<Option<Py<PyAny>>> {
        let Some(bytes) = bytes else { return Ok(Some(self.absent.clone_ref(py))) };
        let known = || self.known.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = known().get(bytes) {
            return Ok(Some(value.clone_ref(py)));
        }
        let (value, is_plain): (Py<PyAny>, bool) = self.make.bind(py).call1((PyBytes::new(py, bytes),))?.extract()?;
        if is_plain && bytes.len() <= REMEMBERED_BYTES {
            let mut known = known();
            if known.len() >= REMEMBERED {
                known.clear();
            }
            known.insert(bytes.into(), value.clone_ref(py));
        }
        Ok(is_plain.then_some(value))
    }
}

/// Reads requests.
#[pyclass(frozen, module = "atp_native")]
pub(super) struct Reader {
    constraints: Memory,
    objectives: Memory,
}

impl Reader {
    fn request(&self, py: Python<'_>, message: &[u8]) -> PyResult<Option<Request>> {
        let Some(request) = request::Request::read(message) else { return Ok(None) };
        let Some(constraints) = self.constraints.value(py, request.constraints)? else { return Ok(None) };
        let Some(objective) = self.objectives.value(py, request.objective)? else { return Ok(None) };
        Ok(Some(Request::new(request, constraints, objective)))
    }
}

#[pymethods]
impl Reader {
    /// The two functions take bytes and give (value, whether the bytes are plain).
    #[new]
    #[pyo3(signature = (constraints, no_constraints, objective, /))]
    fn new(py: Python<'_>, constraints: Py<PyAny>, no_constraints: Py<PyAny>, objective: Py<PyAny>) -> Self {
        Self { constraints: Memory::new(constraints, no_constraints), objectives: Memory::new(objective, py.None()) }
    }

    /// The request in the bytes of a `RouteRequest`; None when they are not plainly valid.
    #[pyo3(signature = (payload, /))]
    fn read(&self, py: Python<'_>, payload: &[u8]) -> PyResult<Option<Request>> {
        guarded(|| self.request(py, payload))
    }

    /// The requests of a `RouteBatchRequest`, each or None; None when the batch itself is not plainly valid.
    #[pyo3(signature = (payload, /))]
    fn read_batch(&self, py: Python<'_>, payload: &[u8]) -> PyResult<Option<Vec<Option<Request>>>> {
        guarded(|| {
            let Some(messages) = split_batch(payload) else { return Ok(None) };
            messages.into_iter().map(|message| self.request(py, message)).collect::<PyResult<_>>().map(Some)
        })
    }
}
