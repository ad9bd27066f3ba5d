"""Hard filters: who may serve a request, and the one cause given for everyone else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.domain.decision import Closure, RefusalCause
from atp_grpc.domain.endpoint import Dialect, Endpoint
from atp_grpc.domain.errors import UnknownModelError
from atp_grpc.domain.model import Deployment, Model
from atp_grpc.domain.money import TokenPrices
from atp_grpc.domain.request import Constraints
from atp_grpc.routing.eligibility import Eligibility, Sifted
from tests.unit.routing.examples import ACTIVE, DEPRECATED, DRAINING, NOW, SHADOW, deployment, model, snapshot

ENDPOINT = Endpoint(Dialect.DRY_RUN)


def sift(
    models: list[Model], deployments: list[Deployment], constraints: Constraints | None = None, needed_tokens: int = 100
) -> Sifted:
    return Eligibility(snapshot(models, deployments)).sift(constraints or Constraints(), needed_tokens=needed_tokens)


def causes(sifted: Sifted) -> dict[str, RefusalCause]:
    return {refusal.target.model: refusal.cause for refusal in sifted.refusals}


def names(sifted: Sifted) -> list[str]:
    return [offering.deployment.name for offering in sifted.offerings]


@pytest.mark.parametrize(
    ("models", "deployments", "constraints", "cause"),
    [
        ([model("a")], [deployment("a")], Constraints(denied_models=frozenset({"a"})), RefusalCause.DENIED),
        (
            [model("a"), model("b")],
            [deployment("a"), deployment("b")],
            Constraints(allowed_models=frozenset({"b"})),
            RefusalCause.NOT_ALLOWED,
        ),
        ([model("a", status=DRAINING)], [deployment("a")], Constraints(), RefusalCause.DRAINING),
        ([model("a", status=SHADOW)], [deployment("a")], Constraints(), RefusalCause.SHADOW),
        ([model("a", status=DEPRECATED)], [deployment("a")], Constraints(), RefusalCause.DEPRECATED),
        ([model("a")], [deployment("a", status=DRAINING)], Constraints(), RefusalCause.DRAINING),
        ([model("a")], [deployment("a", status=SHADOW)], Constraints(), RefusalCause.SHADOW),
        (
            [model("a", capabilities=frozenset({"tools"}))],
            [deployment("a")],
            Constraints(required_capabilities=frozenset({"tools", "vision"})),
            RefusalCause.CAPABILITY,
        ),
        ([model("a", context_tokens=50)], [deployment("a")], Constraints(), RefusalCause.CONTEXT_LENGTH),
        (
            [model("a")],
            [deployment("a", regions=frozenset({"us"}))],
            Constraints(region="eu"),
            RefusalCause.REGION,
        ),
        (
            [model("a")],
            [deployment("a", data_scopes=frozenset({"public"}))],
            Constraints(data_scope="eu-personal"),
            RefusalCause.DATA_SCOPE,
        ),
        ([model("a")], [deployment("a", since=NOW + 1)], Constraints(), RefusalCause.NO_PRICE),
        ([model("a")], [], Constraints(), RefusalCause.NO_DEPLOYMENT),
    ],
    ids=lambda value: value.name if isinstance(value, RefusalCause) else "",
)
def test_each_filter_refuses_with_its_own_cause(
    models: list[Model], deployments: list[Deployment], constraints: Constraints, cause: RefusalCause
) -> None:
    sifted = sift(models, deployments, constraints)
    assert causes(sifted)["a"] is cause
    assert "a@one" not in names(sifted)


def test_a_model_that_could_not_serve_anyway_is_not_called_draining() -> None:
    sifted = sift(
        [model("a", status=DRAINING)], [deployment("a")], Constraints(required_capabilities=frozenset({"vision"}))
    )
    assert causes(sifted) == {"a": RefusalCause.CAPABILITY}


def test_a_draining_deployment_leaves_the_model_its_others() -> None:
    sifted = sift([model("a")], [deployment("a", "a@x", status=DRAINING), deployment("a", "a@y")])
    assert names(sifted) == ["a@y"]


def test_the_cheapest_fitting_deployment_is_offered_and_ties_go_to_the_name() -> None:
    dear, cheap = TokenPrices(input=9, output=9), TokenPrices(input=1, output=2)
    deployments = [
        deployment("a", "a@1", prices=dear),
        deployment("a", "a@3", prices=cheap),
        deployment("a", "a@2", prices=cheap),
    ]
    assert names(sift([model("a")], deployments)) == ["a@2"]


def test_for_a_call_from_here_only_deployments_with_an_endpoint_count() -> None:
    cheap, dear = TokenPrices(input=1, output=1), TokenPrices(input=9, output=9)
    view = snapshot(
        [model("a"), model("b"), model("c")],
        [
            deployment("a", "a@bare", prices=cheap),
            deployment("a", "a@called", prices=dear, endpoint=ENDPOINT),
            deployment("b", "b@bare"),
        ],
    )
    constraints = Constraints()
    calling = Eligibility(view, needs_endpoint=True).sift(constraints, needed_tokens=1)

    assert names(calling) == ["a@called"]
    assert causes(calling) == {"b": RefusalCause.NO_ENDPOINT, "c": RefusalCause.NO_DEPLOYMENT}
    assert names(Eligibility(view).sift(constraints, needed_tokens=1)) == ["a@bare", "b@bare"]


def test_the_offerings_of_a_model_are_its_active_priced_deployments_that_pass_every_filter() -> None:
    eu = frozenset({"eu"})
    view = snapshot(
        [model("a"), model("off", status=DRAINING)],
        [
            deployment("a", "a@1", regions=eu, endpoint=ENDPOINT),
            deployment("a", "a@2", regions=eu, endpoint=ENDPOINT, prices=TokenPrices(input=9, output=9)),
            deployment("a", "a@bare", regions=eu),
            deployment("a", "a@draining", regions=eu, endpoint=ENDPOINT, status=DRAINING),
            deployment("a", "a@elsewhere", endpoint=ENDPOINT),
            deployment("a", "a@later", regions=eu, endpoint=ENDPOINT, since=NOW + 1),
            deployment("off", "off@1", regions=eu, endpoint=ENDPOINT),
        ],
    )
    eligibility = Eligibility(view, Constraints(region="eu"), needs_endpoint=True)

    def offered(constraints: Constraints, name: str) -> list[str]:
        return [one.deployment.name for one in eligibility.offerings(constraints, name)]

    assert offered(Constraints(), "a") == offered(Constraints(), "a") == ["a@1", "a@2"]
    assert offered(Constraints(region="us"), "a") == []
    assert offered(Constraints(denied_models=frozenset({"a"})), "a") == []
    assert offered(Constraints(), "off") == offered(Constraints(), "ghost") == []


def test_offerings_that_are_remembered_are_bounded_and_stay_right() -> None:
    eligibility = Eligibility(snapshot([model("a")], [deployment("a", regions=frozenset({"r4500"}))]))
    for number in range(5000):
        found = eligibility.offerings(Constraints(region=f"r{number}"), "a")
        assert bool(found) == (number == 4500)
        assert len(eligibility._bought) <= 4096


def closed(*names: str) -> dict[str, Closure]:
    return {name: Closure(RefusalCause.BREAKER_OPEN, 5.0) for name in names}


def test_a_model_that_fails_when_called_is_no_candidate_even_when_it_is_the_last() -> None:
    sifted = sift([model("a"), model("b")], [deployment("a"), deployment("b")])

    assert names(sifted.without_closed(closed("a"))) == ["b@one"]
    nobody = sifted.without_closed(closed("a", "b"))
    assert nobody.offerings == ()
    assert causes(nobody) == {"a": RefusalCause.BREAKER_OPEN, "b": RefusalCause.BREAKER_OPEN}
    assert sifted.without_closed(closed("c")) is sifted


def test_an_unknown_allowed_model_is_refused_by_name() -> None:
    with pytest.raises(UnknownModelError) as refusal:
        sift([model("a")], [deployment("a")], Constraints(allowed_models=frozenset({"a", "ghost"})))
    assert refusal.value.metadata == {"model": "ghost"}


def test_remembered_constraints_are_bounded_and_the_answers_stay_right() -> None:
    eligibility = Eligibility(snapshot([model("a")], [deployment("a", regions=frozenset({"r1500"}))]))
    for number in range(3000):
        sifted = eligibility.sift(Constraints(region=f"r{number}"), needed_tokens=1)
        assert bool(sifted.offerings) == (number == 1500)
        assert len(eligibility._remembered) <= 1024
    assert names(eligibility.sift(Constraints(region="r1500"), needed_tokens=1)) == ["a@one"]


_STATUSES = st.sampled_from([ACTIVE, DRAINING, SHADOW, DEPRECATED])
_WORDS = st.frozensets(st.sampled_from(["tools", "vision", "json"]))
_MODELS = st.lists(
    st.builds(
        lambda name, status, capabilities, context: model(
            name, status=status, capabilities=capabilities, context_tokens=context
        ),
        st.sampled_from("abcdef"),
        _STATUSES,
        _WORDS,
        st.integers(10, 1000),
    ),
    unique_by=lambda entry: entry.name,
)


@given(models=_MODELS, required=_WORDS, needed=st.integers(1, 1200), data=st.data())
def test_every_model_is_either_offered_or_refused_and_the_offered_pass_every_filter(
    models: list[Model], required: frozenset[str], needed: int, data: st.DataObject
) -> None:
    deployments = [deployment(m.name) for m in models if data.draw(st.booleans())]
    eligibility = Eligibility(snapshot(models, deployments))
    constraints = Constraints(required_capabilities=required)
    sifted = eligibility.sift(constraints, needed_tokens=needed)
    offered = {offering.deployment.model for offering in sifted.offerings}
    assert offered | set(causes(sifted)) == {m.name for m in models}
    assert not offered & set(causes(sifted))
    by_name = {m.name: m for m in models}
    for name in offered:
        assert by_name[name].status is ACTIVE
        assert required <= by_name[name].capabilities
        assert by_name[name].context_tokens >= needed
    assert eligibility.sift(constraints, needed_tokens=needed) == sifted
    offers = [offering.offer for offering in sifted.offerings]
    assert offers == sorted(offers)
