"""An engine that survives the failure of the engine inside it.

Entered by the composition root, which wraps the native engine and names how to build a standby. It watches for panics
only: a refusal of the contract passes through untouched. It never retries the engine that failed and never logs; the
callback tells whoever wants to know, once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from atp_grpc.engine.checkpoint import decode
from atp_grpc.engine.contract import EnginePanicError

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

REMEMBER_EVERY: Final = 1024
"""Outcomes learned, and discounts made, between two checkpoints that this object takes for itself; bounds its log."""

_RUST_PANIC: Final = "PanicException"
"""Name of the class PyO3 raises for a Rust panic. It derives from BaseException and cannot be imported."""

Answer = TypeVar("Answer")


class QuarantinedEngine:
    """A primary engine with a standby that takes over, for good, when the primary panics.

    A panic is an `EnginePanicError` or a Rust panic that reached Python. What is promised then:

    * The call that met it is answered by the standby, with the same arms, offers and generation: `choose`,
      `choose_batch`, `features`, `summary`, `checkpoint` (pure, so nothing is lost by asking twice), `learn` and
      `discount`.
    * A panic in `load` or `restore` raises `EnginePanicError` once the standby has taken over as things were before the
      call: the call did not happen and may be made again. Nobody is served from a half-loaded engine.
    * Every outcome whose `learn` returned True is in the standby, exactly once, and so is the one that met the panic;
      every discount likewise, at its place among them.
      After a panic in a pure call the state comes from the primary's own checkpoint, bit for bit, provided that it is
      sound and counts as many outcomes as were learned here. Else, and after a panic in a call that changes state
      (which may have been cut in half), it comes from the last checkpoint remembered plus what was learned and
      discounted since: equal within rounding (1e-9).
    * `on_quarantine` is called once, when the standby is in place. The reason names the call and the kind of failure,
      never the failure's text.

    When the standby itself cannot be built, `EnginePanicError` is raised, the primary is not asked again, and the next
    call tries once more. One thread uses the object at a time, as with any engine.
    """

    def __init__(
        self,
        primary: Engine,
        make_standby: Callable[[], Engine],
        on_quarantine: Callable[[str], None],
    ) -> None:
        """Wraps a primary that nobody has loaded or taught yet.

        Raises:
            ValueError: arms are loaded already, which this object would not be able to hand to a standby.
        """
        if primary.generation != 0:
            raise ValueError("the primary is loaded already; wrap it first")
        self._engine = primary
        self._make_standby = make_standby
        self._on_quarantine = on_quarantine
        self._arms: tuple[Arm, ...] = ()
        self._offers: tuple[Offer, ...] = ()
        self._generation = 0
        self._remembered = primary.checkpoint()
        self._since: list[Outcome | _Discount] = []
        self._reason: str | None = None
        self._is_state_sound = True
        self._quarantined = False

    @property
    def name(self) -> str:
        """The engine that answers: the primary's name, the standby's once quarantined."""
        return self._engine.name

    @property
    def version(self) -> str:
        """Version of the engine that answers."""
        return self._engine.version

    @property
    def parameters(self) -> EngineParameters:
        """What both engines were built with."""
        return self._engine.parameters

    @property
    def generation(self) -> int:
        """Generation of the arms loaded, 0 before the first load."""
        return self._generation

    @property
    def quarantined(self) -> bool:
        """Whether the standby has taken over."""
        return self._quarantined

    def load(self, arms: Sequence[Arm], offers: Sequence[Offer], generation: int) -> None:
        """Replaces arms, priors and prices; see `Engine.load`.

        Raises:
            EnginePanicError: the primary failed; the standby serves the arms loaded before.
        """
        self._change("load", lambda engine: engine.load(arms, offers, generation))
        self._arms, self._offers, self._generation = tuple(arms), tuple(offers), generation

    def features(self, text: str) -> bytes:
        """Features of a text; see `Engine.features`."""
        return self._ask("features", lambda engine: engine.features(text))

    def choose(self, query: Query) -> Choice:
        """Chooses one candidate, on the standby when the primary fails; see `Engine.choose`."""
        # Not by `_ask` while all is well, because this is on the path of every Route.
        if self._reason is not None:
            return self._ask("choose", lambda engine: engine.choose(query))
        try:
            return self._engine.choose(query)
        except BaseException as error:  # noqa: BLE001 - whatever is no panic is raised again
            self._meet(error, "choose", changes_state=False)
            return self._engine.choose(query)

    def choose_batch(self, queries: Sequence[Query]) -> list[Choice | EngineError]:
        """Chooses for each query; all of them again on the standby when the primary fails."""
        return self._ask("choose_batch", lambda engine: engine.choose_batch(queries))

    def learn(self, outcome: Outcome) -> bool:
        """Adds one outcome, exactly once also when the primary fails over it; see `Engine.learn`."""
        try:
            learned = self._change("learn", lambda engine: engine.learn(outcome))
        except _SetAside:
            return self._engine.learn(outcome)
        if learned:
            self._log(outcome)
        return learned

    def discount(self, arm: str, keep: float) -> bool:
        """Keeps a share of an arm's evidence, once also when the primary fails over it; see `Engine.discount`."""
        try:
            known = self._change("discount", lambda engine: engine.discount(arm, keep))
        except _SetAside:
            return self._engine.discount(arm, keep)
        if known:
            self._log(_Discount(arm, keep))
        return known

    def checkpoint(self) -> bytes:
        """The learned state; see `Engine.checkpoint`."""
        return self._ask("checkpoint", lambda engine: engine.checkpoint())

    def restore(self, data: bytes) -> None:
        """Replaces the learned state; see `Engine.restore`.

        Raises:
            EnginePanicError: the primary failed; the standby holds the state from before.
        """
        self._change("restore", lambda engine: engine.restore(data))
        if not self._quarantined:
            self._remembered, self._since = bytes(data), []

    def summary(self, now_nanos: int) -> EngineSummary:
        """The learned state for people; see `Engine.summary`."""
        return self._ask("summary", lambda engine: engine.summary(now_nanos))

    def _ask(self, call: str, act: Callable[[Engine], Answer]) -> Answer:
        """Makes a call that changes nothing, on the standby if the primary panics."""
        try:
            return self._attempt(call, act, changes_state=False)
        except _SetAside:
            return act(self._engine)

    def _change(self, call: str, act: Callable[[Engine], Answer]) -> Answer:
        """Makes a call that changes state; raises once the standby is in place if the primary panics."""
        return self._attempt(call, act, changes_state=True)

    def _attempt(self, call: str, act: Callable[[Engine], Answer], *, changes_state: bool) -> Answer:
        if self._reason is not None and not self._quarantined:
            self._take_over()
        try:
            return act(self._engine)
        except BaseException as error:
            self._meet(error, call, changes_state=changes_state)
            raise _SetAside("the engine failed and was set aside") from error

    def _meet(self, error: BaseException, call: str, *, changes_state: bool) -> None:
        """Puts the standby in the primary's place if a call panicked; raises again whatever is no panic."""
        if not is_panic(error):
            raise error
        if self._quarantined:
            raise EnginePanicError("the standby engine failed") from error
        self._reason = f"{call}: {type(error).__name__}"
        self._is_state_sound = self._is_state_sound and not changes_state
        self._take_over()

    def _take_over(self) -> None:
        """Builds the standby and puts it in the primary's place."""
        try:
            standby = self._make_standby()
            if self._generation > 0:
                standby.load(self._arms, self._offers, self._generation)
            if not (self._is_state_sound and self._restore_from_primary(standby)):
                standby.restore(self._remembered)
                for change in self._since:
                    if isinstance(change, _Discount):
                        standby.discount(change.arm, change.keep)
                    else:
                        standby.learn(change)
        except Exception as error:
            raise EnginePanicError("the engine failed and no standby could take over") from error
        self._engine, self._quarantined = standby, True
        self._remembered, self._since = b"", []
        self._on_quarantine(self._reason or "unknown")

    def _restore_from_primary(self, standby: Engine) -> bool:
        """Restores the standby from the failed primary's own state, if that can be had and believed."""
        try:
            data = self._engine.checkpoint()
            lessons = sum(not isinstance(change, _Discount) for change in self._since)
            if decode(data).learned != decode(self._remembered).learned + lessons:
                return False
            standby.restore(data)
        except BaseException as error:
            # Whatever a failed engine does when asked for its state, short of an interruption, is one more failure.
            if isinstance(error, Exception) or is_panic(error):
                return False
            raise
        return True

    def _log(self, change: Outcome | _Discount) -> None:
        """Keeps what a standby would have to be told, for as long as there may be need of one."""
        if self._quarantined:
            return
        self._since.append(change)
        if len(self._since) >= REMEMBER_EVERY:
            self._remember()

    def _remember(self) -> None:
        """Takes a checkpoint, so that the log may start anew.

        What led here is learned and logged, so a panic now is no failure of its call: either the standby has taken
        over, or the next call tries again.
        """
        with contextlib.suppress(EnginePanicError):
            self._remembered = self._attempt("checkpoint", lambda engine: engine.checkpoint(), changes_state=False)
            self._since = []


class _Discount(NamedTuple):
    """A share of an arm's evidence that was kept."""

    arm: str
    keep: float


class _SetAside(EnginePanicError):
    """The primary failed in this call and the standby has taken over."""


def is_panic(error: BaseException) -> bool:
    """Whether a call ended by a failure of the engine itself, and not by a refusal or an interruption."""
    return isinstance(error, EnginePanicError) or (
        not isinstance(error, Exception) and type(error).__name__ == _RUST_PANIC
    )
