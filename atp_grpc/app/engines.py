"""Picks the selection engine: the native one where it can be loaded, the reference everywhere else, or both by share.

Whichever it is has passed the self-test before it decides anything. It never builds a native engine; set-up does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from atp_grpc.engine import native
from atp_grpc.engine.contract import Engine, EngineParameters
from atp_grpc.engine.quarantine import QuarantinedEngine
from atp_grpc.engine.reference import ReferenceEngine
from atp_grpc.engine.rollout import RolloutEngine
from atp_grpc.engine.self_test import run_self_test

MISSING_NATIVE = (
    "no native engine here, using the reference engine; `make setup` with Rust's cargo on the PATH builds it"
)


class EngineMissingError(RuntimeError):
    """The settings demand the native engine and it cannot be loaded."""


@dataclass(frozen=True, slots=True)
class PickedEngine:
    """The engine with what to say about it; `notice` is empty when there is nothing to say."""

    engine: Engine
    quarantined: Callable[[], bool]
    notice: str
    is_native: bool


def is_native(kind: str, native_share: float) -> bool:
    """Whether `pick_engine` picks the native engine; for whoever has to know before there is one."""
    return kind != "reference" and native_share > 0 and native.is_available()


def pick_engine(
    kind: str, parameters: EngineParameters, *, native_share: float, on_quarantine: Callable[[str], None]
) -> PickedEngine:
    """The engine for a pool.

    Args:
        kind: `native`, `reference`, or `auto` (native where it is installed).
        parameters: of the pool's routing policy.
        native_share: share of the choices that the native engine makes where it is picked; with 0 it is not, with less
            than 1 the reference makes the others.
        on_quarantine: hears why the native engine was set aside.

    Raises:
        EngineMissingError: `native` is demanded and not installed.
        EngineSelfTestError: the engine does not compute what it must.
    """
    if not is_native(kind, native_share):
        is_missing = kind != "reference" and native_share > 0
        if is_missing and kind == "native":
            raise EngineMissingError(MISSING_NATIVE)
        run_self_test(ReferenceEngine)
        notice = MISSING_NATIVE if is_missing else ""
        return PickedEngine(ReferenceEngine(parameters), lambda: False, notice, is_native=False)
    run_self_test(native.NativeEngine)
    primary = native.NativeEngine(parameters)
    if native_share < 1:
        run_self_test(ReferenceEngine)
        both = RolloutEngine(
            primary, ReferenceEngine(parameters), native_share=native_share, on_quarantine=on_quarantine
        )
        return PickedEngine(both, lambda: both.quarantined, "", is_native=True)
    engine = QuarantinedEngine(primary, lambda: ReferenceEngine(parameters), on_quarantine)
    return PickedEngine(engine, lambda: engine.quarantined, "", is_native=True)
