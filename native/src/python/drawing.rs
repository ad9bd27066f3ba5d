//! What was drawn in a decision, told in the domain's own tuples without reading its record.
//!
//! `atp_grpc/routing/scribe/native.py` names the classes. `Drawn` of `domain.decision` says what is told.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use super::observing::Class;
use super::reading::number;
use crate::choice::Figure;
use crate::scribe::decision::{Decision, whole_cost};

/// The domain's own target and prices of an offer.
pub(super) type Bought = (Py<PyAny>, Py<PyAny>);

/// The domain's classes that a decision is told in.
pub(super) struct Words {
    drawn: Class,
    lesson: Class,
    features: Class,
    revisions: Class,
    candidate: Class,
    expectation: Class,
}

impl Words {
    /// Takes the classes in this order.
    pub(super) fn of(classes: &Bound<'_, PyTuple>) -> PyResult<Self> {
        let [drawn, lesson, features, revisions, candidate, expectation]: [Bound<'_, PyAny>; 6] = classes.extract()?;
        Ok(Self {
            drawn: Class::of(&drawn)?,
            lesson: Class::of(&lesson)?,
            features: Class::of(&features)?,
            revisions: Class::of(&revisions)?,
            candidate: Class::of(&candidate)?,
            expectation: Class::of(&expectation)?,
        })
    }

    /// The `Drawn` of a decision, with the contract's `Facts` that it was written from.
    pub(super) fn drawn<'py>(
        &self,
        told: &Decision<'_>,
        bought: &[Bought],
        facts: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = facts.py();
        let bought = |position| &bought[told.choice.offer(position)];
        let figure = |figure| told.choice.figure(figure);
        let (quality, cost, latency) = (figure(Figure::Quality), figure(Figure::Cost), figure(Figure::Latency));
        let (failure, utility) = (figure(Figure::FailureRate), figure(Figure::Utility));
        let shares = figure(Figure::Propensity);
        let candidates = (0..told.choice.count()).map(|at| {
            let expected = (quality[at], whole_cost(cost[at]), latency[at], failure[at]);
            self.candidate.made(py, (&bought(at).0, self.expectation.made(py, expected)?, utility[at], shares[at]))
        });
        let candidates = PyTuple::new(py, candidates.collect::<PyResult<Vec<_>>>()?)?;
        let (offering, policy) = (told.offering(told.chosen), told.policy);
        let features = self.features.made(py, (&policy.schema, PyBytes::new(py, told.choice.features())))?;
        let revisions = self.revisions.made(py, (&policy.name, policy.version, told.catalog, told.learner))?;
        let query = facts.get_item(1)?.cast_into::<PyTuple>()?;
        let lesson: [Bound<'py, PyAny>; 14] = [
            facts.get_item(4)?,
            facts.get_item(5)?,
            told.decided.into_pyobject(py)?.into_any(),
            told.expires.into_pyobject(py)?.into_any(),
            offering.model.as_str().into_pyobject(py)?.into_any(),
            offering.deployment.as_str().into_pyobject(py)?.into_any(),
            features,
            told.propensity().into_pyobject(py)?.into_any(),
            told.choice.predicted_mean.into_pyobject(py)?.into_any(),
            told.choice.predicted_linear.into_pyobject(py)?.into_any(),
            number(query.get_borrowed_item(4)?)?.into_pyobject(py)?.into_any(),
            bought(told.chosen).1.bind(py).clone(),
            revisions,
            told.hold().into_pyobject(py)?.into_any(),
        ];
        let lesson = self.lesson.made(py, PyTuple::new(py, lesson)?)?;
        self.drawn.made(py, (lesson, candidates, told.chosen))
    }
}
