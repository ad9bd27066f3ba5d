//! Tokenizers as Python sees them.
//!
//! One is a name until its first count; then its encoding is loaded, once for the whole process. It never keeps a text.

use std::sync::LazyLock;

use pyo3::prelude::*;

use super::guarded;
use super::reading::read_text;
use crate::error::Kind;
use crate::tokens::Encoding;

/// Counts the tokens of texts in one published encoding.
#[pyclass(frozen, module = "atp_native")]
pub(super) struct Tokenizer(&'static LazyLock<Encoding>);

#[pymethods]
impl Tokenizer {
    #[new]
    #[pyo3(signature = (encoding, /))]
    fn new(encoding: &str) -> PyResult<Self> {
        guarded(|| Ok(Self(Encoding::named(encoding).ok_or(Kind::Query.because("no such encoding"))?)))
    }

    #[pyo3(signature = (text, /))]
    fn count(&self, text: &Bound<'_, PyAny>) -> PyResult<usize> {
        guarded(|| Ok(self.0.count(read_text(text.as_borrowed())?)))
    }
}
