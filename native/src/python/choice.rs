//! The decision as Python sees it.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};

use super::guarded;
use crate::choice::{self, Figure};

/// Name of the engine, as the Python side says it.
pub(super) const NAME: &str = "native";

/// One decision; attributes as in the contract's `Choice`. Lists are made when asked for.
#[pyclass(frozen, eq, module = "atp_native")]
pub(super) struct Choice {
    pub(super) choice: choice::Choice,
    /// What stands for each `Exclusion`, in the order of that enum.
    pub(super) exclusions: Py<PyTuple>,
}

impl PartialEq for Choice {
    fn eq(&self, other: &Self) -> bool {
        self.choice == other.choice
    }
}

impl Choice {
    fn figure<'py>(&self, py: Python<'py>, figure: Figure) -> PyResult<Bound<'py, PyList>> {
        guarded(|| PyList::new(py, self.choice.figure(figure)))
    }
}

#[pymethods]
impl Choice {
    #[getter]
    #[allow(clippy::unused_self, reason = "an attribute of every choice")]
    fn engine(&self) -> &'static str {
        NAME
    }

    #[getter]
    fn chosen(&self) -> Option<usize> {
        self.choice.chosen
    }

    #[getter]
    fn propensities<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.figure(py, Figure::Propensity)
    }

    #[getter]
    fn utilities<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.figure(py, Figure::Utility)
    }

    #[getter]
    fn quality<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.figure(py, Figure::Quality)
    }

    #[getter]
    fn cost_nano_usd<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.figure(py, Figure::Cost)
    }

    #[getter]
    fn latency_seconds<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.figure(py, Figure::Latency)
    }

    #[getter]
    fn failure_rate<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.figure(py, Figure::FailureRate)
    }

    #[getter]
    fn exclusions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        guarded(|| {
            let reasons = PyDict::new(py);
            for (position, exclusion) in &self.choice.exclusions {
                reasons.set_item(position, self.exclusions.bind(py).get_borrowed_item(*exclusion as usize)?)?;
            }
            Ok(reasons)
        })
    }

    #[getter]
    fn floor_unmet(&self) -> bool {
        self.choice.floor_unmet
    }

    #[getter]
    fn slo_unmet(&self) -> bool {
        self.choice.slo_unmet
    }

    #[getter]
    fn features<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.choice.features())
    }

    #[getter]
    fn context_on(&self) -> bool {
        self.choice.context_on
    }

    #[getter]
    fn predicted_mean(&self) -> f64 {
        self.choice.predicted_mean
    }

    #[getter]
    fn predicted_linear(&self) -> f64 {
        self.choice.predicted_linear
    }
}
