"""The ledger: the latest decisions, so many and no more, each for its own tenant."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.domain.decision import Candidate, Decision, Expectation, Target
from atp_grpc.domain.request import Weights
from atp_grpc.routing.ledger import Ledger
from atp_grpc.store.decision_codec import decode_decision, encode_decision
from tests.unit.learning.examples import lesson


def decision(tenant: str, name: str) -> Decision:
    candidate = Candidate(Target("small", "small@one", "one"), Expectation(0.9, 10, 0.1, 0.0), 0.9, 1.0)
    return Decision(lesson(name, tenant=tenant), (candidate,), 0, 1, Weights(0.1, 0.0), (), "reference")


def entered(ledger: Ledger, made: Decision) -> None:
    ledger.open(made.tenant, made.decision_id, encode_decision(made))


_KEYS = st.tuples(st.sampled_from(["acme", "globex"]), st.sampled_from([f"d{number}" for number in range(30)]))


@given(size=st.integers(1, 10), keys=st.lists(_KEYS, unique=True, max_size=40))
def test_the_latest_are_found_and_never_more_than_its_size(size: int, keys: list[tuple[str, str]]) -> None:
    ledger = Ledger(size, decode_decision)
    made = [decision(tenant, name) for tenant, name in keys]
    for each in made:
        entered(ledger, each)
        assert len(ledger) <= size
    kept = made[-size:]
    for each in made:
        found = ledger.find(each.tenant, each.decision_id)
        assert found == (each if each in kept else None)


def test_another_tenants_decision_is_not_found() -> None:
    ledger = Ledger(10, decode_decision)
    entered(ledger, decision("acme", "d1"))
    assert ledger.find("acme", "d1") is not None
    assert ledger.find("globex", "d1") is None
