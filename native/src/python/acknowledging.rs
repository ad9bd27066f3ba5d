//! The replies of Observe, written from what was acknowledged.
//!
//! `atp_grpc/services/reports/native.py` names what crosses.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};

use super::guarded;
use super::observing::Fields;
use crate::wire::acknowledgement::Acknowledgement;
use crate::wire::writing::Message;

/// (decision id, recorded fields, unchanged fields, replica, sequence).
fn write(message: &mut Message, acknowledged: &Bound<'_, PyTuple>) -> PyResult<()> {
    let fields = Fields(acknowledged.as_borrowed());
    let (recorded, unchanged) = (fields.tuple(1)?, fields.tuple(2)?);
    Acknowledgement {
        decision_id: fields.text(0)?,
        recorded: recorded.texts()?,
        unchanged: unchanged.texts()?,
        replica: fields.text(3)?,
        sequence: fields.whole(4)?,
    }
    .write(message);
    Ok(())
}

/// The bytes of an `ObserveResponse`.
#[pyfunction]
#[pyo3(signature = (acknowledged, /))]
pub(super) fn observe_response<'py>(
    py: Python<'py>,
    acknowledged: &Bound<'py, PyTuple>,
) -> PyResult<Bound<'py, PyBytes>> {
    guarded(|| {
        let mut message = Message::default();
        write(&mut message, acknowledged)?;
        Ok(PyBytes::new(py, &message.into_bytes()))
    })
}

/// The bytes of an `ObserveBatchResponse`: of acknowledgements, and of errors as the bytes of a `google.rpc.Status`.
#[pyfunction]
#[pyo3(signature = (results, /))]
pub(super) fn observe_batch_response<'py>(
    py: Python<'py>,
    results: &Bound<'py, PyList>,
) -> PyResult<Bound<'py, PyBytes>> {
    guarded(|| {
        let mut batch = Message::default();
        for result in results {
            let mut failed = Ok(());
            batch.message(1, |place| {
                if let Ok(error) = result.cast::<PyBytes>() {
                    place.written(2, error.as_bytes());
                } else {
                    place.message(1, |response| {
                        failed = result.cast().map_err(PyErr::from).and_then(|fields| write(response, fields));
                    });
                }
            });
            failed?;
        }
        Ok(PyBytes::new(py, &batch.into_bytes()))
    })
}
