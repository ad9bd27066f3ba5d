//! From Python's tuples to the engine's types.
//!
//! A value that no Rust number or string can hold is read as one that the engine refuses anyway, so that the engine
//! stays the only judge. It keeps one Python object, the last list of candidates, because requests repeat it.

use pyo3::exceptions::{PyOverflowError, PyUnicodeEncodeError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::request::Request;
use crate::arm::{Arm, Offer};
use crate::decay::Decay;
use crate::error::{Fault, Kind};
use crate::parameters::{ContextMode, Parameters};
use crate::policy::Learner;
use crate::query::{Outcome, Query};

/// Why a tuple did not become a query: a value the contract refuses, or one of a type it does not know.
pub(super) enum Unreadable {
    Fault(Fault),
    Python(PyErr),
}

impl From<Fault> for Unreadable {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<PyErr> for Unreadable {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

impl From<Unreadable> for PyErr {
    fn from(cause: Unreadable) -> Self {
        match cause {
            Unreadable::Fault(fault) => fault.into(),
            Unreadable::Python(error) => error,
        }
    }
}

type Item<'a, 'py> = Borrowed<'a, 'py, PyAny>;

/// A float; an integer too large for one is read as infinite, which the engine refuses everywhere.
pub(super) fn number(item: Item<'_, '_>) -> PyResult<f64> {
    item.extract().or_else(|error: PyErr| {
        if error.is_instance_of::<PyOverflowError>(item.py()) { Ok(f64::INFINITY) } else { Err(error) }
    })
}

/// An integer; one that does not fit is read as -1, which the engine refuses everywhere.
pub(super) fn whole(item: Item<'_, '_>) -> PyResult<i64> {
    item.extract().or_else(
        |error: PyErr| {
            if error.is_instance_of::<PyOverflowError>(item.py()) { Ok(-1) } else { Err(error) }
        },
    )
}

/// A name; one that UTF-8 cannot carry is read as empty, which the engine refuses everywhere.
pub(super) fn name<'a>(item: Item<'a, '_>) -> PyResult<&'a str> {
    item.extract().or_else(
        |error: PyErr| {
            if error.is_instance_of::<PyUnicodeEncodeError>(item.py()) { Ok("") } else { Err(error) }
        },
    )
}

pub(super) fn optional<'a, 'py, T>(
    item: Item<'a, 'py>,
    read: impl FnOnce(Item<'a, 'py>) -> PyResult<T>,
) -> PyResult<Option<T>> {
    if item.is_none() { Ok(None) } else { read(item).map(Some) }
}

pub(super) fn index(item: Item<'_, '_>) -> PyResult<u32> {
    Ok(u32::try_from(whole(item)?).unwrap_or(u32::MAX))
}

fn read_seed(item: Item<'_, '_>) -> Result<u64, Unreadable> {
    item.extract().map_err(|error: PyErr| {
        if error.is_instance_of::<PyOverflowError>(item.py()) {
            Kind::Query.because("seed is out of range").into()
        } else {
            error.into()
        }
    })
}

pub(super) fn read_text<'a>(item: Item<'a, '_>) -> Result<&'a str, Unreadable> {
    item.extract().map_err(|error: PyErr| {
        if error.is_instance_of::<PyUnicodeEncodeError>(item.py()) {
            Kind::Query.because("the text holds a lone surrogate").into()
        } else {
            error.into()
        }
    })
}

/// The candidates of a query. A tuple never changes, so the same one need not be read again.
#[derive(Default)]
pub(super) struct Candidates {
    listed: Option<Py<PyTuple>>,
    offers: Vec<u32>,
}

impl Candidates {
    fn read(&mut self, item: Item<'_, '_>) -> PyResult<&[u32]> {
        if !self.listed.as_ref().is_some_and(|listed| listed.is(&*item)) {
            let listed = item.cast::<PyTuple>()?;
            self.listed = None;
            self.offers.clear();
            for offer in listed.iter_borrowed() {
                self.offers.push(index(offer)?);
            }
            self.listed = Some(listed.to_owned().unbind());
        }
        Ok(&self.offers)
    }
}

/// Fields: generation, candidates, seed, now, `input_tokens`, `cost_weight`, `latency_weight`, text, features,
/// `max_output_tokens`, `max_cost`, `quality_floor`, `latency_slo`, tenant, favoured, favour.
pub(super) fn read_query<'a>(
    fields: &'a Bound<'_, PyTuple>,
    candidates: &'a mut Candidates,
) -> Result<Query<'a>, Unreadable> {
    let field = |position| fields.get_borrowed_item(position);
    let text = field(7)?;
    let text = match text.cast_exact::<Request>() {
        Ok(request) => request.get().text.as_deref(),
        Err(_) if text.is_none() => None,
        Err(_) => Some(read_text(text)?),
    };
    Ok(Query {
        generation: whole(field(0)?)?,
        candidates: candidates.read(field(1)?)?,
        seed: read_seed(field(2)?)?,
        now: whole(field(3)?)?,
        input_tokens: number(field(4)?)?,
        cost_weight: number(field(5)?)?,
        latency_weight: number(field(6)?)?,
        text,
        features: optional(field(8)?, |item| Ok(item.extract()?))?,
        max_output_tokens: optional(field(9)?, number)?,
        max_cost: optional(field(10)?, number)?,
        quality_floor: optional(field(11)?, number)?,
        latency_slo: optional(field(12)?, number)?,
        tenant: optional(field(13)?, name)?,
        favoured: optional(field(14)?, whole)?,
        favour: number(field(15)?)?,
    })
}

/// Fields: arm, replica, sequence, decided, now, features, quality, `output_tokens`, latency, failed,
/// `predicted_mean`, `predicted_linear`, tenant.
pub(super) fn read_outcome<'a>(fields: &'a Bound<'_, PyTuple>) -> PyResult<Outcome<'a>> {
    let field = |position| fields.get_borrowed_item(position);
    Ok(Outcome {
        arm: name(field(0)?)?,
        replica: name(field(1)?)?,
        sequence: whole(field(2)?)?,
        decided: whole(field(3)?)?,
        now: whole(field(4)?)?,
        features: field(5)?.extract()?,
        quality: optional(field(6)?, number)?,
        output_tokens: optional(field(7)?, number)?,
        latency: optional(field(8)?, number)?,
        failed: optional(field(9)?, Borrowed::extract)?,
        predicted_mean: optional(field(10)?, number)?,
        predicted_linear: optional(field(11)?, number)?,
        tenant: optional(field(12)?, name)?,
    })
}

/// Fields in the order of the contract's `EngineParameters`.
pub(super) fn read_parameters(fields: &Bound<'_, PyTuple>) -> PyResult<Parameters> {
    let field = |position| fields.get_borrowed_item(position);
    let learner = match field(5)?.extract()? {
        "thompson" => Learner::Thompson,
        "linucb" => Learner::Linucb,
        "squarecb" => Learner::Squarecb,
        "greedy" => Learner::Greedy,
        "ucb1" => Learner::Ucb1,
        "thompson_beta" => Learner::ThompsonBeta,
        _ => return Err(Kind::Engine.because("this learner is unknown here").into()),
    };
    let context = match field(12)?.extract()? {
        "auto" => ContextMode::Auto,
        "on" => ContextMode::On,
        "off" => ContextMode::Off,
        _ => {
            return Err(Kind::Engine.because("this context mode is unknown here").into());
        }
    };
    Ok(Parameters {
        pool: name(field(0)?)?.to_owned(),
        schema: name(field(1)?)?.to_owned(),
        dimension: index(field(2)?)? as usize,
        cost_scale: number(field(3)?)?,
        latency_scale: number(field(4)?)?,
        learner,
        scale: number(field(6)?)?,
        alpha: number(field(7)?)?,
        gamma: number(field(8)?)?,
        epsilon: number(field(9)?)?,
        slope_precision: number(field(10)?)?,
        decay: Decay { half_life: optional(field(11)?, whole)? },
        context,
        context_on_z: number(field(13)?)?,
        context_off_z: number(field(14)?)?,
        context_min_weight: number(field(15)?)?,
        tenant_pseudo_count: number(field(16)?)?,
        tenant_offset_limit: number(field(17)?)?,
        tenant_limit: index(field(18)?)? as usize,
        token_precision: number(field(19)?)?,
        common_precision: number(field(20)?)?,
    })
}

/// Fields in the order of the contract's `Arm`.
pub(super) fn read_arm(fields: &Bound<'_, PyTuple>) -> PyResult<Arm> {
    let field = |position| fields.get_borrowed_item(position);
    Ok(Arm {
        name: name(field(0)?)?.to_owned(),
        quality: number(field(1)?)?,
        output_tokens: number(field(2)?)?,
        latency: number(field(3)?)?,
        failure_rate: number(field(4)?)?,
    })
}

/// Fields in the order of the contract's `Offer`.
pub(super) fn read_offer(fields: &Bound<'_, PyTuple>) -> PyResult<Offer> {
    let field = |position| fields.get_borrowed_item(position);
    let (input_price, output_price) = (whole(field(1)?)?, whole(field(2)?)?);
    Ok(Offer { arm: index(field(0)?)? as usize, input_price, output_price })
}
