//! The text table as Python sees it.
//!
//! It is built once from proved bytes; several engines may share it. It never keeps a text.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::guarded;
use super::reading::read_text;
use crate::embed;

/// Computes `text.v1`.
#[pyclass(frozen, module = "atp_native")]
pub(super) struct TextExtractor(pub(super) Arc<embed::TextExtractor>);

#[pymethods]
impl TextExtractor {
    #[new]
    #[pyo3(signature = (table, /))]
    fn new(table: &[u8]) -> PyResult<Self> {
        guarded(|| Ok(Self(Arc::new(embed::TextExtractor::new(embed::TextTable::decode(table)?)))))
    }

    /// The embedding alone: thirty-two packed float32.
    #[pyo3(signature = (text, /))]
    fn embed<'py>(&self, py: Python<'py>, text: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        guarded(|| {
            let embedding = self.0.table().embed(read_text(text.as_borrowed())?);
            Ok(PyBytes::new(py, embedding.map(f32::to_le_bytes).as_flattened()))
        })
    }

    /// All features of the schema.
    #[pyo3(signature = (text, /))]
    fn extract<'py>(&self, py: Python<'py>, text: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        guarded(|| Ok(PyBytes::new(py, self.0.extract(read_text(text.as_borrowed())?).as_flattened())))
    }
}
