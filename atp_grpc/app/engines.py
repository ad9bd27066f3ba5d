"""Picks the selection engine: the native one where it can be loaded, the reference everywhere else, or both by share.

Whichever it is has passed the self-test before it decides anything. Where the policy's features come from the text
table, that is read and proved here, once, and every engine shares it. It never builds a native engine; set-up does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from atp_grpc.engine import native
from atp_grpc.engine.contract import Engine, EngineParameters
from atp_grpc.engine.quarantine import QuarantinedEngine
from atp_grpc.engine.reference import ReferenceEngine
from atp_grpc.engine.reference.embedding import TEXT_SCHEMA, TextExtractor
from atp_grpc.engine.rollout import RolloutEngine
from atp_grpc.engine.self_test import TEXT_CONVERSATIONS, run_self_test
from atp_grpc.engine.text_table import read_text_table

MISSING_NATIVE = (
    "no native engine here, using the reference engine; `make setup` with Rust's cargo on the PATH builds it"
)


EngineFactory = Callable[[EngineParameters], Engine]


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
        DamagedTextTableError: the policy's features need the text table, and it is not the one that was shipped.
    """
    table = read_text_table() if parameters.schema_id == TEXT_SCHEMA else None
    if not is_native(kind, native_share):
        is_missing = kind != "reference" and native_share > 0
        if is_missing and kind == "native":
            raise EngineMissingError(MISSING_NATIVE)
        reference = _proved(_references(table), table)(parameters)
        notice = MISSING_NATIVE if is_missing else ""
        return PickedEngine(reference, lambda: False, notice, is_native=False)
    primary = _proved(_natives(table), table)(parameters)
    if native_share < 1:
        reference = _proved(_references(table), table)(parameters)
        both = RolloutEngine(primary, reference, native_share=native_share, on_quarantine=on_quarantine)
        return PickedEngine(both, lambda: both.quarantined, "", is_native=True)
    # The standby takes the table apart only when it is needed, but from the bytes that were proved.
    engine = QuarantinedEngine(primary, lambda: _references(table)(parameters), on_quarantine)
    return PickedEngine(engine, lambda: engine.quarantined, "", is_native=True)


def _references(table: bytes | None) -> EngineFactory:
    return ReferenceEngine if table is None else partial(ReferenceEngine, text=TextExtractor.of(table))


def _natives(table: bytes | None) -> EngineFactory:
    return (
        native.NativeEngine if table is None else partial(native.NativeEngine, text=native.NativeTextExtractor(table))
    )


def _proved(factory: EngineFactory, table: bytes | None) -> EngineFactory:
    """The factory, once its engines have passed what they must; with the table, in its schema too."""
    run_self_test(factory)
    if table is not None:
        run_self_test(factory, TEXT_CONVERSATIONS)
    return factory
