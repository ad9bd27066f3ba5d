"""Picks the selection engine: the native one where it can be loaded, the reference everywhere else.

Whichever it is has passed the self-test before it decides anything. It never builds a native engine; set-up does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from atp_grpc.engine import native
from atp_grpc.engine.contract import Engine, EngineParameters
from atp_grpc.engine.quarantine import QuarantinedEngine
from atp_grpc.engine.reference import ReferenceEngine
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


def is_native(kind: str) -> bool:
    """Whether `pick_engine` picks the native engine; for whoever has to know before there is one."""
    return kind != "reference" and native.is_available()


def pick_engine(kind: str, parameters: EngineParameters, *, on_quarantine: Callable[[str], None]) -> PickedEngine:
    """The engine for a pool.

    Args:
        kind: `native`, `reference`, or `auto` (native where it is installed).
        parameters: of the pool's routing policy.
        on_quarantine: hears why the native engine was set aside.

    Raises:
        EngineMissingError: `native` is demanded and not installed.
        EngineSelfTestError: the engine does not compute what it must.
    """
    if kind == "reference" or (kind == "auto" and not native.is_available()):
        run_self_test(ReferenceEngine)
        notice = "" if kind == "reference" else MISSING_NATIVE
        return PickedEngine(ReferenceEngine(parameters), lambda: False, notice, is_native=False)
    if not native.is_available():
        raise EngineMissingError(MISSING_NATIVE)
    run_self_test(native.NativeEngine)
    engine = QuarantinedEngine(native.NativeEngine(parameters), lambda: ReferenceEngine(parameters), on_quarantine)
    return PickedEngine(engine, lambda: engine.quarantined, "", is_native=True)
