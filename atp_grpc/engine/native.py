"""The engine in Rust behind the same promise as the reference.

Entered by `app`, which asks `is_available` first. It hands plain tuples to `atp_native`, gives its refusals their names
in the contract, and never computes anything itself. Whether `atp_native` is here and fits is said in this module only.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NoReturn

from atp_grpc.engine.contract import (
    ArmSummary,
    CheckpointMismatchError,
    CorruptCheckpointError,
    DamagedTextTableError,
    EngineError,
    EnginePanicError,
    EngineSummary,
    Exclusion,
    InvalidOutcomeError,
    InvalidQueryError,
    StaleGenerationError,
)
from atp_grpc.engine.text_table import read_text_table

try:
    import atp_native
except ImportError:
    atp_native = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from atp_grpc.engine.contract import Arm, Choice, EngineParameters, Offer, Outcome, Query

CROSSING_VERSION: Final = 7
"""Version of everything that crosses into Rust, here and in the other modules named `native`."""

_ERRORS: Final[Mapping[str, type[EngineError | EnginePanicError]]] = MappingProxyType(
    {
        "engine": EngineError,
        "query": InvalidQueryError,
        "outcome": InvalidOutcomeError,
        "stale": StaleGenerationError,
        "corrupt": CorruptCheckpointError,
        "mismatch": CheckpointMismatchError,
        "panic": EnginePanicError,
    }
)


def is_available() -> bool:
    """Whether a native engine of this contract is installed."""
    return why_unavailable() is None


def why_unavailable() -> str | None:
    """A sentence for people that says what to install, or None when the native engine can be used."""
    if atp_native is None:
        return "atp-native is not installed; install it with: pip install 'atp-grpc[native]'"
    # Version 1 did not carry a number of this name.
    if (version := getattr(atp_native, "CROSSING", 1)) != CROSSING_VERSION:
        return (
            f"atp-native {atp_native.__version__} crosses by version {version}, this atp-grpc needs version "
            f"{CROSSING_VERSION}; install the matching one with: pip install --upgrade 'atp-grpc[native]'"
        )
    return None


class NativeEngine:
    """`Engine` in Rust. One object per pool; threads may share it, one at a time gets in."""

    def __init__(self, parameters: EngineParameters, text: NativeTextExtractor | None = None) -> None:
        """Takes what reads text for the schema `text.v1`, which engines share; the other schemas never look at it.

        Raises:
            EngineError: a parameter is out of range, or the schema is `text.v1` and nothing was given that reads it.
            ImportError: `is_available` is false.
        """
        if (cause := why_unavailable()) is not None:
            raise ImportError(cause)
        self._parameters = parameters
        try:
            self._native = atp_native.Engine(
                _parameter_fields(parameters),
                (Exclusion.MAX_COST, Exclusion.QUALITY_FLOOR, Exclusion.LATENCY_SLO),
                None if text is None else text.inner,
            )
        except atp_native.NativeError as refusal:
            _refuse(refusal)

    @property
    def name(self) -> str:
        """Always `native`."""
        return "native"

    @property
    def version(self) -> str:
        """Version of the `atp-native` distribution."""
        return atp_native.__version__

    @property
    def parameters(self) -> EngineParameters:
        """What the engine was built with."""
        return self._parameters

    @property
    def generation(self) -> int:
        """Generation of the arms loaded, 0 before the first load."""
        return self._native.generation

    def load(self, arms: Sequence[Arm], offers: Sequence[Offer], generation: int) -> None:
        """Replaces arms, priors and prices; see `Engine.load`."""
        try:
            self._native.load(
                [
                    (
                        arm.name,
                        arm.prior_quality,
                        arm.prior_output_tokens,
                        arm.prior_latency_seconds,
                        arm.prior_failure_rate,
                    )
                    for arm in arms
                ],
                [(offer.arm, offer.input_price, offer.output_price) for offer in offers],
                generation,
            )
        except atp_native.NativeError as refusal:
            _refuse(refusal)

    def features(self, text: str) -> bytes:
        """Features of a text; see `Engine.features`."""
        try:
            return self._native.features(text)
        except atp_native.NativeError as refusal:
            _refuse(refusal)

    def choose(self, query: Query) -> Choice:
        """Chooses one candidate; see `Engine.choose`."""
        try:
            return self._native.choose(query)
        except atp_native.NativeError as refusal:
            _refuse(refusal)

    def choose_batch(self, queries: Sequence[Query]) -> list[Choice | EngineError]:
        """Chooses for each query, without holding the interpreter; see `Engine.choose_batch`.

        Raises:
            EnginePanicError: the engine failed at one of the queries; state is unchanged.
        """
        try:
            results = self._native.choose_batch(list(queries))
        except atp_native.NativeError as refusal:
            _refuse(refusal)
        return [_in_place(result) if isinstance(result, atp_native.NativeError) else result for result in results]

    def learn(self, outcome: Outcome) -> bool:
        """Adds one outcome to the statistics; see `Engine.learn`."""
        try:
            return self._native.learn(outcome)
        except atp_native.NativeError as refusal:
            _refuse(refusal)

    def discount(self, arm: str, keep: float) -> bool:
        """Keeps a share of what is known of an arm's quality; see `Engine.discount`."""
        try:
            return self._native.discount(arm, keep)
        except atp_native.NativeError as refusal:
            _refuse(refusal)

    def checkpoint(self) -> bytes:
        """The learned state; `engine/checkpoint` documents the bytes."""
        try:
            return self._native.checkpoint()
        except atp_native.NativeError as refusal:
            _refuse(refusal)

    def restore(self, data: bytes) -> None:
        """Replaces the learned state; see `Engine.restore`."""
        try:
            self._native.restore(data)
        except atp_native.NativeError as refusal:
            _refuse(refusal)

    def summary(self, now_nanos: int) -> EngineSummary:
        """The learned state for people; see `Engine.summary`."""
        try:
            arms, learned, context_on, context_z, high_water = self._native.summary(now_nanos)
        except atp_native.NativeError as refusal:
            _refuse(refusal)
        return EngineSummary(tuple(ArmSummary(*arm) for arm in arms), learned, context_on, context_z, high_water)

    def inject_panic(self, count: int) -> None:
        """A drill, never used in service: the next `count` choices fail in the middle, as a defect would.

        Each of them raises EnginePanicError; the engine's state and lock stay sound.
        """
        self._native.inject_panic(count)


class NativeTextExtractor:
    """The schema `text.v1` in Rust, from a text table. Threads may share it."""

    def __init__(self, table: bytes) -> None:
        """Raises DamagedTextTableError for bytes that are no table, ImportError when `is_available` is false."""
        if (cause := why_unavailable()) is not None:
            raise ImportError(cause)
        try:
            self._native = atp_native.TextExtractor(table)
        except atp_native.NativeError as refusal:
            raise DamagedTextTableError(refusal.args[1]) from None

    @property
    def inner(self) -> atp_native.TextExtractor:
        """What an engine in Rust reads text with."""
        return self._native

    @classmethod
    def load(cls) -> NativeTextExtractor:
        """Builds the extractor from the shipped table.

        Raises:
            DamagedTextTableError: the table is not the one that this version was made with.
        """
        return cls(read_text_table())

    def embed(self, text: str) -> bytes:
        """The embedding alone, thirty-two packed little-endian float32; raises InvalidQueryError."""
        try:
            return self._native.embed(text)
        except atp_native.NativeError as refusal:
            _refuse(refusal)

    def extract(self, text: str) -> bytes:
        """The forty-seven features as packed little-endian float32; raises InvalidQueryError."""
        try:
            return self._native.extract(text)
        except atp_native.NativeError as refusal:
            _refuse(refusal)


def _refuse(refusal: atp_native.NativeError) -> NoReturn:
    """Raises the contract's error for a refusal, in its place: no trace of the Rust side remains."""
    kind, sentence = refusal.args
    raise _ERRORS[kind](sentence) from None


def _in_place(refusal: atp_native.NativeError) -> EngineError:
    """The contract's error for a refusal that stays in its place of a batch."""
    kind, sentence = refusal.args
    error = _ERRORS[kind](sentence)
    if not isinstance(error, EngineError):
        raise error
    return error


def _parameter_fields(parameters: EngineParameters) -> tuple[object, ...]:
    """Every parameter, in the order in which the contract declares them."""
    return tuple(getattr(parameters, field.name) for field in dataclasses.fields(parameters))
