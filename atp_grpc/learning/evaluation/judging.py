"""The story of an evaluation: the log is read page by page, and a target is taken through it decision by decision.

Whoever is asked what another policy would have earned enters by `judge`, whoever adds up something else on the way by
`take_through`. It lets other work have its turn every two milliseconds, keeps nothing of a page but sums, and can be
cancelled between any two of those turns.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from atp_grpc.domain.decision import Decision
from atp_grpc.domain.history import HistoryQuery, Logged, Place
from atp_grpc.learning.evaluation.evaluator import Evaluation, Evaluator, Refused
from atp_grpc.learning.evaluation.sample import Figure
from atp_grpc.learning.evaluation.targets import Rehearsal
from atp_grpc.learning.history import EVERYTHING, History

PAGE: Final = 50
"""Decisions read at a time: few enough for the reading thread not to hold up the calls beside it."""
TURN_SECONDS: Final = 0.001
"""Longest stretch of work between two looks at the loop."""
_ALONE_SECONDS: Final = 0.0002
"""A look at the loop that takes longer has found somebody at work."""
_WAY_SECONDS: Final = 0.005
"""How long others have the loop to themselves, once there are others: a call needs it several times."""


def _everything(_: Decision) -> bool:
    return True


class Target(NamedTuple):
    """Who is judged, and which decisions it can be asked about at all."""

    rehearsal: Rehearsal
    accepts: Callable[[Decision], bool] = _everything


class Scope(NamedTuple):
    """By which decisions: those of a tenant (None: of all) from a moment up to another (Unix nanoseconds).

    Those before `judged_from_nanos`, and those that another policy than `logged_policy` made, are learned from and not
    judged; an empty name means any policy. `level` is the share of intervals that hold the true value.
    """

    tenant: str | None
    since_nanos: int | None
    before_nanos: int
    judged_from_nanos: int
    logged_policy: str
    level: float


class Progress:
    """How far an evaluation has come; read while it runs."""

    def __init__(self) -> None:
        self.read = 0
        self._first: int | None = None
        self._latest = self._last = 0
        self._is_finished = False

    @property
    def share(self) -> float:
        """How much is done, 0..1, by the time that the decisions span."""
        if self._is_finished:
            return 1.0
        if self._first is None or self._last <= self._first:
            return 0.0
        return min(max((self._latest - self._first) / (self._last - self._first), 0.0), 1.0)

    def expect(self, last_nanos: int) -> None:
        """Notes the moment of the last decision there will be."""
        self._last = last_nanos

    def pass_by(self, decided_nanos: int) -> None:
        """Notes a decision that was read."""
        self.read += 1
        if self._first is None:
            self._first = decided_nanos
        self._latest = decided_nanos

    def finish(self) -> None:
        """Notes that there is nothing more to read."""
        self._is_finished = True


class ModelShare(NamedTuple):
    """Which share (0..1) of the judged requests a model would have got, and got."""

    target: float
    logged: float


class Taken(NamedTuple):
    """The decisions a target was taken through, and the moments of the first and the last that it was judged by.

    `unjudged` decisions were only learned from; `misfits` were left out, because the target cannot be asked about them.
    """

    judged: int
    unjudged: int
    misfits: int
    first_nanos: int | None
    last_nanos: int | None


class Judgement(NamedTuple):
    """What a target would have earned, or why that cannot be told, and where requests would have gone."""

    figures: Mapping[Figure, Evaluation | Refused]
    shares: Mapping[str, ModelShare]
    judged: int
    unjudged: int
    misfits: int
    first_nanos: int | None
    last_nanos: int | None


async def judge(
    history: History, target: Target, scope: Scope, progress: Progress, *, monotonic: Callable[[], float]
) -> Judgement:
    """Takes a target through the log.

    Args:
        history: the log.
        target: who is judged; it is used up by this.
        scope: by which decisions.
        progress: is told how far it is.
        monotonic: seconds of a clock that never goes back.

    Raises:
        StoreUnavailableError: the log cannot be read.
        EngineError: the target's engine failed.
    """
    counted = _Counted(target.rehearsal)
    evaluator = Evaluator(counted)
    taken = await take_through(history, target, scope, progress, evaluator.add, monotonic=monotonic)
    figures = {figure: evaluator.answer(figure, scope.level) for figure in Figure}
    shares = {
        model: ModelShare(counted.target[model] / max(taken.judged, 1), counted.logged[model] / max(taken.judged, 1))
        for model in counted.target.keys() | counted.logged.keys()
    }
    return Judgement(figures, shares, *taken)


async def take_through(
    history: History,
    target: Target,
    scope: Scope,
    progress: Progress,
    add: Callable[[Logged], None],
    *,
    monotonic: Callable[[], float],
) -> Taken:
    """Takes a target through the log; `add` gets each decision to judge by, asks the target about it and teaches it.

    Raises:
        StoreUnavailableError: the log cannot be read.
        EngineError: the target's engine failed.
    """
    hearing = _Hearing(target, scope, progress, add)
    query = HistoryQuery(scope.tenant, scope.since_nanos, scope.before_nanos)
    newest = await history.page(query._replace(newest_first=True), EVERYTHING, after=None, size=1)
    progress.expect(newest.entries[0].decision.lesson.decided_nanos if newest.entries else scope.before_nanos)
    after: Place | None = None
    while True:
        page = await history.page(query, EVERYTHING, after=after, size=PAGE)
        due = monotonic() + TURN_SECONDS
        for logged in page.entries:
            hearing.take(logged)
            if monotonic() >= due:
                await _give_way(monotonic)
                due = monotonic() + TURN_SECONDS
        after = page.next_after
        if after is None:
            progress.finish()
            return hearing.taken()
        await _give_way(monotonic)


async def _give_way(monotonic: Callable[[], float]) -> None:
    begun = monotonic()
    await asyncio.sleep(0)
    if monotonic() - begun > _ALONE_SECONDS:
        await asyncio.sleep(_WAY_SECONDS)


class _Hearing:
    """A target on its way through the log."""

    def __init__(self, target: Target, scope: Scope, progress: Progress, add: Callable[[Logged], None]) -> None:
        self._target = target
        self._scope = scope
        self._progress = progress
        self._add = add
        self._judged = self._unjudged = self._misfits = 0
        self._first: int | None = None
        self._last: int | None = None

    def take(self, logged: Logged) -> None:
        """Takes the next decision."""
        decision = logged.decision
        lesson = decision.lesson
        self._progress.pass_by(lesson.decided_nanos)
        if not self._target.accepts(decision):
            self._misfits += 1
            return
        rehearsal = self._target.rehearsal
        if self._scope.logged_policy not in ("", lesson.revisions.policy):
            rehearsal.learn(logged)
            self._unjudged += 1
            return
        if lesson.decided_nanos < self._scope.judged_from_nanos:
            # Asked all the same: it would have decided then too, and minds what it has spent.
            rehearsal.shares(decision)
            rehearsal.learn(logged)
            self._unjudged += 1
            return
        self._add(logged)
        self._judged += 1
        self._first = lesson.decided_nanos if self._first is None else self._first
        self._last = lesson.decided_nanos

    def taken(self) -> Taken:
        """The decisions so far."""
        return Taken(self._judged, self._unjudged, self._misfits, self._first, self._last)


class _Counted:
    """A rehearsal whose shares are summed up by model."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        self._rehearsal = rehearsal
        self.target: dict[str, float] = defaultdict(float)
        self.logged: dict[str, float] = defaultdict(float)

    def shares(self, decision: Decision) -> Sequence[float]:
        shares = self._rehearsal.shares(decision)
        target = self.target
        for candidate, share in zip(decision.candidates, shares, strict=True):
            if share:
                target[candidate.target.model] += share
        self.logged[decision.lesson.model] += 1.0
        return shares

    def learn(self, logged: Logged) -> None:
        self._rehearsal.learn(logged)
