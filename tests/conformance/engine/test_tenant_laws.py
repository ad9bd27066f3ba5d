"""Laws of the table of tenants: who is taught, who is kept, and who is forgotten in his turn."""

from __future__ import annotations

import dataclasses
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.engine.checkpoint import TenantRecord, decode, encode
from atp_grpc.engine.contract import Arm, Offer
from atp_grpc.engine.self_test import spell_choice
from tests.conformance.engine.grading import STILL, ask, grade, single
from tests.conformance.engine.strategies import outcomes, parameters, queries
from tests.conformance.engine.world import ARMS, BLANK, HOUR, NOW, OFFERS

if TYPE_CHECKING:
    from atp_grpc.engine.contract import Engine, Outcome, Query
    from tests.conformance.engine.conftest import EngineFactory


def _kept(engine: Engine) -> list[str]:
    return list(decode(engine.checkpoint()).tenants)


@pytest.mark.parametrize(
    "change",
    [
        {"tenant": None},
        {"quality": None},
        {"quality": None, "failed": True},
        {"predicted_mean": None, "predicted_linear": None},
    ],
    ids=str,
)
def test_a_tenant_is_taught_by_grades_with_predictions_only(
    make_engine: EngineFactory, change: dict[str, object]
) -> None:
    engine = single(make_engine)
    assert engine.learn(grade(1, "acme", 0.9)._replace(**change))  # type: ignore[arg-type]
    assert _kept(engine) == []


def test_what_has_been_learned_before_does_not_touch_a_tenant_again(make_engine: EngineFactory) -> None:
    engine = single(make_engine)
    engine.learn(grade(1, "acme", 0.9))
    engine.learn(grade(2, "büro", 0.9))
    state = engine.checkpoint()
    assert not engine.learn(grade(1, "acme", 0.9))
    assert engine.checkpoint() == state


@given(st.lists(outcomes(1), min_size=1, max_size=8), queries(), st.data())
@settings(max_examples=40)
def test_whose_outcomes_they_are_changes_nothing_for_others(
    make_engine: EngineFactory, lessons: list[Outcome], question: Query, data: st.DataObject
) -> None:
    chosen_parameters = data.draw(parameters())
    named, nameless = make_engine(chosen_parameters), make_engine(chosen_parameters)
    for engine in (named, nameless):
        engine.load(ARMS, OFFERS, 1)
    for sequence, lesson in enumerate(lessons):
        named.learn(lesson._replace(sequence=sequence, tenant="acme"))
        nameless.learn(lesson._replace(sequence=sequence, tenant=None))
    for tenant in (None, "büro"):
        asked = question._replace(tenant=tenant)
        assert spell_choice(named.choose(asked)) == spell_choice(nameless.choose(asked))
    assert named.summary(NOW) == nameless.summary(NOW)


@pytest.mark.parametrize("limit", [0, 1, 3, 8])
def test_the_table_keeps_its_bound_and_forgets_who_was_taught_longest_ago(
    make_engine: EngineFactory, limit: int
) -> None:
    engine = single(make_engine, dataclasses.replace(STILL, tenant_limit=limit))
    chance = random.Random(limit)
    recent: list[str] = []
    for sequence in range(200):
        name = f"t{chance.randrange(12)}"
        # In time they are taught in quite another order.
        engine.learn(grade(sequence, name, 0.9, decided_nanos=NOW - chance.randrange(99 * HOUR)))
        recent = [*(other for other in recent if other != name), name][-limit:] if limit else []
        assert sorted(recent) == _kept(engine)
    touched = {name: tenant.touched for name, tenant in decode(engine.checkpoint()).tenants.items()}
    assert sorted(touched, key=touched.__getitem__) == recent
    assert limit == 0 or touched[recent[-1]] == 200


def test_a_forgotten_tenant_begins_anew(make_engine: EngineFactory) -> None:
    engine = single(make_engine, dataclasses.replace(STILL, tenant_limit=1))
    engine.learn(grade(1, "acme", 1.0))
    engine.learn(grade(2, "büro", 1.0))
    assert spell_choice(ask(engine, "acme")) == spell_choice(ask(engine, None))
    engine.learn(grade(3, "acme", 0.9))
    (acme,) = decode(engine.checkpoint()).tenants.values()
    assert acme.touched == 3
    assert acme.arms["tiny"] == pytest.approx((1.0, 0.4, 0.3))


def test_restoring_keeps_the_tenants_that_were_taught_last(make_engine: EngineFactory) -> None:
    sums = {"tiny": (1.0, 0.1, 0.1)}
    touched = {"a": 5, "b": 2, "c": 5, "d": 9, "e": 2, "f": 5}
    empty = decode(make_engine(STILL).checkpoint())
    tenants = {name: TenantRecord(count, sums) for name, count in touched.items()}
    state = encode(dataclasses.replace(empty, learned=9, arms=BLANK, tenants=tenants))
    for limit, kept in (
        (0, ""),
        (1, "d"),
        (2, "df"),
        (3, "cdf"),
        (4, "acdf"),
        (5, "acdef"),
        (6, "abcdef"),
        (7, "abcdef"),
    ):
        engine = make_engine(dataclasses.replace(STILL, tenant_limit=limit))
        engine.restore(state)
        assert _kept(engine) == list(kept)
    # Who is next to be forgotten is who would not have been kept in a smaller table.
    engine = make_engine(dataclasses.replace(STILL, tenant_limit=5))
    engine.restore(state)
    for sequence, left in enumerate(("acdfx", "cdfxy", "dfxyz")):
        engine.learn(grade(sequence, "xyz"[sequence], 0.5))
        assert _kept(engine) == list(left)


def test_a_tenant_is_known_on_arms_that_are_away(make_engine: EngineFactory) -> None:
    engine = make_engine(dataclasses.replace(STILL, tenant_pseudo_count=0.5))
    engine.learn(grade(1, "acme", 1.0, arm="not there yet"))
    engine.load([Arm("not there yet", 0.5)], [Offer(0, 1, 1)], 1)
    assert ask(engine, "acme").quality[0] > ask(engine, None).quality[0]


def test_a_text_of_any_script_names_a_tenant(make_engine: EngineFactory) -> None:
    engine = single(make_engine)
    names = ["zoo", "büro", "Ω", "𐍈", "\uffff", " ", "\x00"]
    for sequence, name in enumerate(names):
        engine.learn(grade(sequence, name, 0.9))
    assert _kept(engine) == sorted(names)
    restored = make_engine(STILL)
    restored.restore(engine.checkpoint())
    assert restored.checkpoint() == engine.checkpoint()
