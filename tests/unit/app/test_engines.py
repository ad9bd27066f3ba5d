"""Picking an engine: native where it can be had, the reference elsewhere, and neither without its self-test."""

from __future__ import annotations

import dataclasses

import pytest

from atp_grpc.app import engines
from atp_grpc.app.engines import EngineMissingError, is_native, pick_engine
from atp_grpc.engine import native, text_table
from atp_grpc.engine.contract import Arm, DamagedTextTableError, EngineParameters, Offer, Query
from atp_grpc.engine.quarantine import QuarantinedEngine
from atp_grpc.engine.reference import ReferenceEngine
from atp_grpc.engine.rollout import RolloutEngine
from atp_grpc.engine.self_test import TEXT_CONVERSATIONS, EngineSelfTestError
from tests.native_engine import need_native

PARAMETERS = EngineParameters(
    pool="default", schema_id="flags.v1", dimension=15, cost_scale_nano_usd=1e6, latency_scale_seconds=1.0
)
TEXT = dataclasses.replace(PARAMETERS, schema_id="text.v1", dimension=47)


def unheard(reason: str) -> None:
    pytest.fail(f"no engine was set aside here: {reason}")


def test_the_reference_engine_is_had_without_a_word() -> None:
    picked = pick_engine("reference", PARAMETERS, native_share=1.0, on_quarantine=unheard)
    assert (picked.engine.name, picked.notice, picked.quarantined()) == ("reference", "", False)


def test_auto_without_rust_says_in_one_line_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "atp_native", None)
    picked = pick_engine("auto", PARAMETERS, native_share=1.0, on_quarantine=unheard)
    assert picked.engine.name == "reference"
    assert "make setup" in picked.notice
    assert "\n" not in picked.notice


def test_native_without_rust_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "atp_native", None)
    with pytest.raises(EngineMissingError, match="make setup"):
        pick_engine("native", PARAMETERS, native_share=1.0, on_quarantine=unheard)


@pytest.mark.parametrize("kind", ["reference", "auto"])
def test_no_engine_serves_that_fails_its_self_test(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(factory: object) -> None:
        raise EngineSelfTestError("choose: another answer")

    monkeypatch.setattr(engines, "run_self_test", failing)
    with pytest.raises(EngineSelfTestError):
        pick_engine(kind, PARAMETERS, native_share=1.0, on_quarantine=unheard)


@pytest.mark.parametrize("kind", ["auto", "native"])
def test_a_share_of_nothing_is_the_reference_engine_alone_and_needs_no_rust(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native, "atp_native", None)
    picked = pick_engine(kind, PARAMETERS, native_share=0.0, on_quarantine=unheard)
    assert type(picked.engine) is ReferenceEngine
    assert (picked.notice, picked.is_native, is_native(kind, 0.0)) == ("", False, False)


@pytest.mark.parametrize("native_share", [0.3, 1.0])
def test_a_share_changes_nothing_where_there_is_no_native_engine(
    native_share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native, "atp_native", None)
    assert type(pick_engine("auto", PARAMETERS, native_share=native_share, on_quarantine=unheard).engine) is (
        ReferenceEngine
    )
    with pytest.raises(EngineMissingError):
        pick_engine("native", PARAMETERS, native_share=native_share, on_quarantine=unheard)


@pytest.mark.native
@pytest.mark.parametrize("kind", ["auto", "native"])
@pytest.mark.parametrize(
    ("native_share", "expected"),
    [(0.0, ReferenceEngine), (1e-9, RolloutEngine), (0.999, RolloutEngine), (1.0, QuarantinedEngine)],
)
def test_the_share_says_which_engines_there_are(kind: str, native_share: float, expected: type) -> None:
    need_native()
    picked = pick_engine(kind, PARAMETERS, native_share=native_share, on_quarantine=unheard)
    assert type(picked.engine) is expected
    assert picked.is_native == is_native(kind, native_share) == (native_share > 0)
    assert not picked.quarantined()


@pytest.mark.native
def test_each_engine_that_shares_the_choices_has_passed_its_self_test(monkeypatch: pytest.MonkeyPatch) -> None:
    need_native()
    tested: list[object] = []
    monkeypatch.setattr(engines, "run_self_test", tested.append)
    pick_engine("auto", PARAMETERS, native_share=0.5, on_quarantine=unheard)
    assert tested == [native.NativeEngine, ReferenceEngine]


@pytest.mark.parametrize("kind", ["reference", pytest.param("native", marks=pytest.mark.native)])
def test_an_engine_whose_features_come_from_the_table_has_it(kind: str) -> None:
    if kind == "native":
        need_native()
    picked = pick_engine(kind, TEXT, native_share=1.0, on_quarantine=unheard)
    assert len(picked.engine.features("Which bones are broken most often?")) == 4 * 47


@pytest.mark.native
def test_the_standby_of_an_engine_with_the_table_has_it_too() -> None:
    need_native()
    reasons: list[str] = []
    engine = pick_engine("native", TEXT, native_share=1.0, on_quarantine=reasons.append).engine
    engine.load([Arm("one")], [Offer(0, 1, 1)], 1)
    query = Query(1, (0,), 7, 0, 0.0, 0.0, text="Which bones are broken most often?")
    before = engine.choose(query)
    assert isinstance(engine, QuarantinedEngine)
    engine._engine.inject_panic(1)  # type: ignore[attr-defined]
    after = engine.choose(query)
    assert (before.engine, after.engine, len(reasons)) == ("native", "reference", 1)
    assert before.features[60:] == after.features[60:] != bytes(128)


@pytest.mark.parametrize(("parameters", "conversations"), [(PARAMETERS, []), (TEXT, [TEXT_CONVERSATIONS])])
def test_the_self_test_of_text_is_for_those_who_serve_it(
    parameters: EngineParameters, conversations: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tested: list[str] = []
    monkeypatch.setattr(engines, "run_self_test", lambda _, *named: tested.extend(named))
    pick_engine("reference", parameters, native_share=1.0, on_quarantine=unheard)
    assert tested == conversations


@pytest.mark.parametrize("kind", ["auto", "reference"])
def test_a_damaged_table_stops_those_who_need_it_and_nobody_else(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_table, "TABLE_DIGEST", "0" * 64)
    pick_engine(kind, PARAMETERS, native_share=1.0, on_quarantine=unheard)
    with pytest.raises(DamagedTextTableError, match="damaged; install atp-grpc anew"):
        pick_engine(kind, TEXT, native_share=1.0, on_quarantine=unheard)
