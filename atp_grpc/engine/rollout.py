"""The native and the reference engine in one: each answers its share of the queries, both learn everything.

Entered by the composition root while the native engine's share lies between 0 and 1. The reference defines correct and
changes first, so it can take over at any moment as it stands; an engine that fails or disagrees is set aside for good.
It never retries that engine and never logs; the callback tells whoever wants to know, once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from atp_grpc.engine.quarantine import is_panic
from atp_grpc.engine.reference.chance import uniform

if TYPE_CHECKING:
    from atp_grpc.engine.contract import (
        Arm,
        Choice,
        Engine,
        EngineError,
        EngineParameters,
        EngineSummary,
        Offer,
        Outcome,
        Query,
    )

ROLLOUT_STREAM: Final = 3
"""Stream of the number that says which engine answers a query; those of the choice itself are 1 and 2."""

Answer = TypeVar("Answer")


class RolloutEngine:
    """Two engines with one state.

    * A query is the native engine's if number 0 of its seed's stream 3 is below the share, so the same query always
      finds the same engine, and which one says nothing about the choice.
    * `load`, `learn`, `discount` and `restore` reach both. A refusal of the reference is everybody's, and the native
      engine does not hear of what was refused.
    * A panic of the native engine, a refusal of what the reference took, or an outcome that is new to one of them only
      sets the native engine aside. The reference stands where it should and answers that call and all that come.

    One thread uses the object at a time, as with any engine.
    """

    def __init__(
        self, native: Engine, reference: Engine, *, native_share: float, on_quarantine: Callable[[str], None]
    ) -> None:
        """Takes two engines with the same parameters that nobody has loaded or taught yet.

        `on_quarantine` hears the name of the call and the kind of failure, never the failure's text.
        """
        self._native: Engine | None = native
        self._reference = reference
        self._native_share = native_share
        self._on_quarantine = on_quarantine

    @property
    def name(self) -> str:
        """The native engine's while it is sound; each choice says who made it."""
        return self._sound.name

    @property
    def version(self) -> str:
        """Version of the engine that `name` names."""
        return self._sound.version

    @property
    def parameters(self) -> EngineParameters:
        """What both engines were built with."""
        return self._reference.parameters

    @property
    def generation(self) -> int:
        """Generation of the arms loaded, 0 before the first load."""
        return self._reference.generation

    @property
    def quarantined(self) -> bool:
        """Whether the reference answers alone because the native engine was set aside."""
        return self._native is None

    def load(self, arms: Sequence[Arm], offers: Sequence[Offer], generation: int) -> None:
        """Replaces arms, priors and prices; see `Engine.load`."""
        self._reference.load(arms, offers, generation)
        self._follow("load", lambda native: native.load(arms, offers, generation), None)

    def features(self, text: str) -> bytes:
        """Features of a text; see `Engine.features`."""
        return self._reference.features(text)

    def choose(self, query: Query) -> Choice:
        """Chooses one candidate; see `Engine.choose`."""
        if self._is_native_turn(query):
            return self._ask_native("choose", lambda engine: engine.choose(query))
        return self._reference.choose(query)

    def choose_batch(self, queries: Sequence[Query]) -> list[Choice | EngineError]:
        """Chooses for each query, in two crossings; see `Engine.choose_batch`."""
        turns = [self._is_native_turn(query) for query in queries]
        for_native = [query for query, is_native in zip(queries, turns, strict=True) if is_native]
        for_reference = [query for query, is_native in zip(queries, turns, strict=True) if not is_native]
        natives = iter(self._ask_native("choose_batch", lambda engine: engine.choose_batch(for_native)))
        references = iter(self._reference.choose_batch(for_reference))
        return [next(natives if is_native else references) for is_native in turns]

    def learn(self, outcome: Outcome) -> bool:
        """Adds one outcome to both; see `Engine.learn`."""
        learned = self._reference.learn(outcome)
        self._follow("learn", lambda native: native.learn(outcome), learned)
        return learned

    def discount(self, arm: str, keep: float) -> bool:
        """Keeps a share of what both know of an arm's quality; see `Engine.discount`."""
        known = self._reference.discount(arm, keep)
        self._follow("discount", lambda native: native.discount(arm, keep), known)
        return known

    def checkpoint(self) -> bytes:
        """The native engine's state while it is sound; see `Engine.checkpoint`."""
        return self._ask_native("checkpoint", lambda engine: engine.checkpoint())

    def restore(self, data: bytes) -> None:
        """Replaces the state of both; see `Engine.restore`."""
        self._reference.restore(data)
        self._follow("restore", lambda native: native.restore(data), None)

    def summary(self, now_nanos: int) -> EngineSummary:
        """The learned state for people; see `Engine.summary`."""
        return self._reference.summary(now_nanos)

    @property
    def _sound(self) -> Engine:
        return self._reference if self._native is None else self._native

    def _is_native_turn(self, query: Query) -> bool:
        return uniform(query.seed, ROLLOUT_STREAM, 0) < self._native_share

    def _ask_native(self, call: str, act: Callable[[Engine], Answer]) -> Answer:
        """Makes a call that changes nothing, on the reference once the native engine has failed."""
        if self._native is not None:
            try:
                return act(self._native)
            except BaseException as error:
                if not is_panic(error):
                    raise
                self._set_aside(f"{call}: {type(error).__name__}")
        return act(self._reference)

    def _follow(self, call: str, act: Callable[[Engine], Answer], answer: Answer) -> None:
        """Lets the native engine do what the reference did, with that answer; one that does not is set aside."""
        if self._native is None:
            return
        try:
            told = act(self._native)
        except BaseException as error:
            # The reference has made the change, so short of an interruption nothing that happens here is the caller's.
            if not isinstance(error, Exception) and not is_panic(error):
                raise
            self._set_aside(f"{call}: {type(error).__name__}")
        else:
            if told != answer:
                self._set_aside(f"{call}: another answer than the reference's")

    def _set_aside(self, reason: str) -> None:
        self._native = None
        self._on_quarantine(reason)
