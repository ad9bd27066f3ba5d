"""Requests through the real API: Route, look up what the chosen model made of it, Observe. Bandit feedback only.

The acts enter here with errands to run. The outcomes of models that were not chosen are never sent, and nothing here
decides; an errand that a dying server cut short is put back, whole, for the next one.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from google.protobuf.duration_pb2 import Duration

from atp_grpc.client import AtpCallError, AtpClient
from atp_grpc.client.messages import Attempt, AttemptError, ObserveRequest, RouteRequest, RouteResponse, Usage
from atp_grpc.replay.outcomes import ModelOutcome, OutcomeRow
from demo.failure import DemoFailure


@dataclass(slots=True)
class Errand:
    """One prompt on its way. `decided` is set once it is routed: then only the report is left to make."""

    row: OutcomeRow
    decided: RouteResponse | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """An errand that is done: its prompt, and the model that served it."""

    row: OutcomeRow
    model: str

    @property
    def outcome(self) -> ModelOutcome:
        """What the model made of the prompt."""
        return self.row.outcomes[self.model]


@dataclass(slots=True)
class Evidence:
    """Graded answers of one model that the server acknowledged."""

    count: int = 0
    quality: float = 0.0


@dataclass(slots=True)
class Tally:
    """The client's own books: what it sent, what was acknowledged, how long Route took (seconds)."""

    steps: list[Step] = field(default_factory=list)
    route_seconds: list[float] = field(default_factory=list)
    evidence: dict[str, Evidence] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    quality: float = 0.0
    cost_nano_usd: int = 0

    @property
    def acknowledged(self) -> int:
        """Reports that the server promised to keep; each errand makes one."""
        return len(self.steps)

    def enter(self, step: Step) -> None:
        """Books one acknowledged errand."""
        outcome = step.outcome
        self.steps.append(step)
        self.calls[step.model] += 1
        self.quality += outcome.quality
        self.cost_nano_usd += outcome.cost_nano_usd or 0
        if not outcome.failed:
            evidence = self.evidence.setdefault(step.model, Evidence())
            evidence.count += 1
            evidence.quality += outcome.quality


async def run_errands(
    client: AtpClient,
    errands: deque[Errand],
    tally: Tally,
    *,
    in_flight: int,
    on_step: Callable[[], None] = lambda: None,
) -> None:
    """Runs errands until none is left or the server is gone; then those it cut short are back in `errands`.

    `in_flight` errands are under way at any time, each with one call; `on_step` is called after each acknowledged
    report.

    Raises:
        DemoFailure: the server refused a call.
    """

    async def worker() -> None:
        while errands:
            errand = errands.popleft()
            try:
                await _run(client, errand, tally)
            except AtpCallError as error:
                errands.append(errand)
                if error.reason:
                    raise DemoFailure(f"the server refused a call: {error}") from None
                return
            on_step()

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(in_flight):
                group.create_task(worker())
    except ExceptionGroup as failures:
        # Workers fail alike when one call is refused; one sentence is enough.
        raise failures.exceptions[0] from None


async def _run(client: AtpClient, errand: Errand, tally: Tally) -> None:
    if errand.decided is None:
        began = time.perf_counter()
        errand.decided = await client.route(RouteRequest(prompt=errand.row.prompt, task_type=errand.row.category[:64]))
        tally.route_seconds.append(time.perf_counter() - began)
    step = Step(errand.row, errand.decided.target.model)
    await client.observe(_report(errand.decided, step.outcome))
    tally.enter(step)


def _report(decided: RouteResponse, outcome: ModelOutcome) -> ObserveRequest:
    """What a caller would know after the call: one attempt, and a grade unless there was no answer."""
    attempt = Attempt(
        model=decided.target.model,
        deployment=decided.target.deployment,
        error=AttemptError.ATTEMPT_ERROR_UNAVAILABLE if outcome.failed else AttemptError.ATTEMPT_ERROR_UNSPECIFIED,
        usage=Usage(input_tokens=outcome.input_tokens, output_tokens=outcome.output_tokens),
        cost_nano_usd=outcome.cost_nano_usd,
    )
    if outcome.latency_seconds is not None:
        attempt.latency.CopyFrom(_duration(outcome.latency_seconds))
    quality = None if outcome.failed else outcome.quality
    return ObserveRequest(feedback_token=decided.feedback_token, quality=quality, attempts=[attempt])


def _duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromNanoseconds(round(seconds * 1e9))
    return duration


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile; 0 of nothing."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0
