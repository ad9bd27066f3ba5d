//! The scribe and the writer of replies as Python sees them.
//!
//! `atp_grpc/routing/scribe/native.py` and `atp_grpc/services/wire/native.py` name what crosses. Sealing stays on the
//! Python side, with the keys.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};

use super::choice::{Choice, NAME};
use super::drawing::{Bought, Words};
use super::guarded;
use super::reading::{index, name, number, optional, whole};
use super::request::Request;
use crate::choice::Figure;
use crate::error::{Fault, Kind};
use crate::scribe::decision::{Decision, Policy, whole_cost};
use crate::scribe::lesson::lesson;
use crate::scribe::offering::Offering;
use crate::scribe::record::record;
use crate::wire::response::{Answer, batch, response};

const TOO_LONG: Fault = Kind::Engine.because("a name is too long to be written down");

/// Everything that can be bought under one catalogue, by offer.
#[pyclass(frozen, module = "atp_native")]
pub(super) struct Offerings {
    written: Vec<Offering>,
    /// The domain's own (target, prices) of each.
    bought: Vec<Bought>,
    catalog: i64,
}

#[pymethods]
impl Offerings {
    /// Takes (model, deployment, provider, prices) of each offer, its target and prices as the domain has them, and the
    /// catalogue's revision.
    #[new]
    #[pyo3(signature = (offerings, bought, catalog, /))]
    fn new(offerings: Vec<(String, String, String, [i64; 5])>, bought: Vec<Bought>, catalog: i64) -> PyResult<Self> {
        let offerings = offerings
            .into_iter()
            .map(|(model, deployment, provider, prices)| Offering::new(model, deployment, &provider, prices))
            .collect::<Option<_>>()
            .ok_or(TOO_LONG)?;
        Ok(Self { written: offerings, bought, catalog })
    }
}

/// A decision as it was written down.
#[pyclass(frozen, module = "atp_native")]
pub(super) struct Routed {
    policy: Arc<Policy>,
    choice: Py<Choice>,
    chosen: usize,
    offerings: Py<Offerings>,
    #[pyo3(get)]
    decision_id: String,
    learner: i64,
    decided: i64,
    expires: i64,
    dual_prices: [f64; 2],
    favoured: Option<usize>,
    words: Arc<Words>,
    /// The contract's `Facts` that it was written from.
    facts: Py<PyTuple>,
    #[pyo3(get)]
    token: Py<PyBytes>,
    #[pyo3(get)]
    record: Py<PyBytes>,
}

impl Routed {
    /// The decision as far as its reply tells of it.
    fn told(&self) -> Decision<'_> {
        let offerings = self.offerings.get();
        Decision {
            choice: &self.choice.get().choice,
            chosen: self.chosen,
            offerings: &offerings.written,
            policy: &self.policy,
            catalog: offerings.catalog,
            learner: self.learner,
            engine: NAME,
            tenant: "",
            decision_id: &self.decision_id,
            decided: self.decided,
            expires: self.expires,
            seed: 0,
            input_tokens: 0.0,
            weights: [0.0; 2],
            dual_prices: self.dual_prices,
            favoured: self.favoured,
            favour: 0.0,
            refusals: &[],
            is_short_of_money: false,
            task_type: "",
            session_id: "",
            labels: &[],
        }
    }

    fn response(&self, py: Python<'_>) -> Vec<u8> {
        response(&self.told(), self.token.as_bytes(py))
    }
}

#[pymethods]
impl Routed {
    #[getter]
    fn policy(&self) -> &str {
        &self.policy.name
    }

    #[getter]
    fn model(&self) -> &str {
        &self.offerings.get().written[self.choice.get().choice.offer(self.chosen)].model
    }

    #[getter]
    fn expected_cost_nano_usd(&self) -> i64 {
        whole_cost(self.choice.get().choice.figure(Figure::Cost)[self.chosen])
    }

    /// The `Drawn` of its record, as the domain has it.
    fn drawn<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        guarded(|| self.words.drawn(&self.told(), &self.offerings.get().bought, self.facts.bind(py)))
    }
}

/// What a request tells the record; read from a request of either kind.
enum Notes<'a> {
    Native(&'a Request),
    Python(String, String, Vec<(String, String)>),
}

impl<'a> Notes<'a> {
    fn of(request: Borrowed<'a, '_, PyAny>) -> PyResult<Self> {
        if let Ok(request) = request.cast_exact::<Request>() {
            return Ok(Self::Native(request.get()));
        }
        let text = |attribute| request.getattr(attribute)?.extract::<String>();
        let labels = PyDict::new(request.py());
        labels.update(request.getattr("labels")?.cast()?)?;
        let labels = labels.iter().map(|(key, text)| Ok((key.extract()?, text.extract()?))).collect::<PyResult<_>>()?;
        Ok(Self::Python(text("task_type")?, text("session_id")?, labels))
    }

    fn parts(&self) -> (&str, &str, &[(String, String)]) {
        match self {
            Self::Native(request) => (&request.task_type, &request.session_id, &request.labels),
            Self::Python(task_type, session_id, labels) => (task_type, session_id, labels),
        }
    }
}

/// Writes decisions down, under one routing policy.
#[pyclass(frozen, module = "atp_native")]
pub(super) struct Scribe {
    policy: Arc<Policy>,
    words: Arc<Words>,
    ttl: i64,
    /// Seals: takes plaintext and associated data, gives bytes.
    seal: Py<PyAny>,
}

#[pymethods]
impl Scribe {
    /// `words` are the classes of what was drawn, lesson, features, revisions, candidate and expectation.
    #[new]
    #[pyo3(signature = (policy, version, schema, scales, ttl, seal, words, /))]
    fn new(
        policy: String,
        version: i64,
        schema: String,
        scales: [f64; 2],
        ttl: i64,
        seal: Py<PyAny>,
        words: &Bound<'_, PyTuple>,
    ) -> PyResult<Self> {
        let policy = Policy { name: policy, version, schema, scales };
        Ok(Self { policy: Arc::new(policy), words: Arc::new(Words::of(words)?), ttl, seal })
    }

    /// Facts are those of the contract's `Facts`, and refusals its refusals as they stand in a record; somebody was
    /// chosen.
    #[pyo3(signature = (choice, offerings, facts, refusals, /))]
    fn write(
        &self,
        py: Python<'_>,
        choice: Py<Choice>,
        offerings: Py<Offerings>,
        facts: &Bound<'_, PyTuple>,
        refusals: &[u8],
    ) -> PyResult<Routed> {
        guarded(|| {
            let fact = |position| facts.get_borrowed_item(position);
            let query = fact(1)?;
            let query = query.cast::<PyTuple>()?;
            let asked = |position| query.get_borrowed_item(position);
            let notes = Notes::of(fact(0)?)?;
            let (task_type, session_id, labels) = notes.parts();
            let labels: Vec<_> = labels.iter().map(|(key, text)| (key.as_str(), text.as_str())).collect();
            let (tenant, decision_id) = (name(fact(4)?)?, name(fact(5)?)?);
            let (decided, learner) = (whole(asked(3)?)?, whole(fact(6)?)?);
            let prices = fact(7)?;
            let prices = prices.cast::<PyTuple>()?;
            let price = |position| number(prices.get_borrowed_item(position)?);
            let favoured = optional(fact(8)?, index)?.map(|position| position as usize);
            let chosen = choice.get().choice.chosen.ok_or(Kind::Engine.because("nobody was chosen"))?;
            let table = offerings.get();
            let decision = Decision {
                choice: &choice.get().choice,
                chosen,
                offerings: &table.written,
                policy: &self.policy,
                catalog: table.catalog,
                learner,
                engine: NAME,
                tenant,
                decision_id,
                decided,
                expires: decided + self.ttl,
                seed: asked(2)?.extract()?,
                input_tokens: number(asked(4)?)?,
                weights: [number(asked(5)?)?, number(asked(6)?)?],
                dual_prices: [price(0)?, price(1)?],
                favoured,
                favour: number(asked(15)?)?,
                refusals,
                is_short_of_money: fact(10)?.is_truthy()?,
                task_type,
                session_id,
                labels: &labels,
            };
            let record = PyBytes::new(py, &record(&decision).ok_or(TOO_LONG)?);
            let plain = PyBytes::new(py, &lesson(&decision).ok_or(TOO_LONG)?);
            let sealed = self.seal.bind(py).call1((plain, PyBytes::new(py, tenant.as_bytes())))?;
            let (decision_id, expires, dual_prices) = (decision_id.to_owned(), decision.expires, decision.dual_prices);
            Ok(Routed {
                policy: Arc::clone(&self.policy),
                chosen,
                decision_id,
                learner,
                decided,
                expires,
                dual_prices,
                favoured,
                words: Arc::clone(&self.words),
                facts: facts.clone().unbind(),
                token: sealed.cast_into::<PyBytes>()?.unbind(),
                record: record.unbind(),
                choice,
                offerings,
            })
        })
    }
}

/// The bytes of a `RouteResponse`.
#[pyfunction]
#[pyo3(signature = (routed, /))]
pub(super) fn route_response<'py>(py: Python<'py>, routed: &Bound<'py, Routed>) -> PyResult<Bound<'py, PyBytes>> {
    guarded(|| Ok(PyBytes::new(py, &routed.get().response(py))))
}

/// The bytes of a `RouteBatchResponse`: of decisions, and of (field, bytes) where 1 is a response that was written
/// before and 2 a `google.rpc.Status`.
#[pyfunction]
#[pyo3(signature = (results, /))]
pub(super) fn route_batch_response<'py>(
    py: Python<'py>,
    results: &Bound<'py, PyList>,
) -> PyResult<Bound<'py, PyBytes>> {
    guarded(|| {
        let answers: Vec<Answer> = results
            .iter()
            .map(|result| {
                if let Ok(routed) = result.cast_exact::<Routed>() {
                    return Ok(Answer::Response(routed.get().response(py)));
                }
                let (field, bytes): (u8, Vec<u8>) = result.extract()?;
                Ok(if field == 1 { Answer::Response(bytes) } else { Answer::Error(bytes) })
            })
            .collect::<PyResult<_>>()?;
        Ok(PyBytes::new(py, &batch(&answers)))
    })
}
