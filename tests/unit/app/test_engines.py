"""Picking an engine: native where it can be had, the reference elsewhere, and neither without its self-test."""

from __future__ import annotations

import pytest

from atp_grpc.app import engines
from atp_grpc.app.engines import EngineMissingError, pick_engine
from atp_grpc.engine import native
from atp_grpc.engine.contract import EngineParameters
from atp_grpc.engine.self_test import EngineSelfTestError

PARAMETERS = EngineParameters(
    pool="default", schema_id="flags.v1", dimension=15, cost_scale_nano_usd=1e6, latency_scale_seconds=1.0
)


def unheard(reason: str) -> None:
    pytest.fail(f"no engine was set aside here: {reason}")


def test_the_reference_engine_is_had_without_a_word() -> None:
    picked = pick_engine("reference", PARAMETERS, on_quarantine=unheard)
    assert (picked.engine.name, picked.notice, picked.quarantined()) == ("reference", "", False)


def test_auto_without_rust_says_in_one_line_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "atp_native", None)
    picked = pick_engine("auto", PARAMETERS, on_quarantine=unheard)
    assert picked.engine.name == "reference"
    assert "make setup" in picked.notice
    assert "\n" not in picked.notice


def test_native_without_rust_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "atp_native", None)
    with pytest.raises(EngineMissingError, match="make setup"):
        pick_engine("native", PARAMETERS, on_quarantine=unheard)


@pytest.mark.parametrize("kind", ["reference", "auto"])
def test_no_engine_serves_that_fails_its_self_test(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(factory: object) -> None:
        raise EngineSelfTestError("choose: another answer")

    monkeypatch.setattr(engines, "run_self_test", failing)
    with pytest.raises(EngineSelfTestError):
        pick_engine(kind, PARAMETERS, on_quarantine=unheard)
