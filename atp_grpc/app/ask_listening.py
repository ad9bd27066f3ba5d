"""What Ask tells the operators: its events become metrics and log lines.

The composition root hands `listeners` to the story. Nothing here decides anything, and nothing here may fail a call.
"""

from __future__ import annotations

from collections.abc import Callable

from structlog.typing import FilteringBoundLogger

from atp_grpc.asking.cache import AnswerCache
from atp_grpc.asking.contract import Listeners
from atp_grpc.domain.ask import CacheOutcome, Final, Switch
from atp_grpc.domain.decision import Target
from atp_grpc.domain.outcome import AttemptError
from atp_grpc.providers.breaker import BreakerPhase
from atp_grpc.providers.fleet import BreakerChange, Fleet
from atp_grpc.telemetry.asks import AskMeter, CacheFigures, DeploymentGauges

_STATES = {BreakerPhase.CLOSED: 0, BreakerPhase.HALF_OPEN: 1, BreakerPhase.OPEN: 2}


class AskListening:
    """Hears of Ask."""

    def __init__(
        self, meter: AskMeter, logger: Callable[[], FilteringBoundLogger], report: Callable[[Exception], None]
    ) -> None:
        """`report` takes a fault to be logged under an incident id."""
        self._meter = meter
        self._logger = logger
        self._report = report

    @property
    def listeners(self) -> Listeners:
        """Who is told by the story."""
        return Listeners(
            attempt_ended=self._attempt_ended,
            answered=self._answered,
            switched=self._switched,
            faulted=self._report,
            unsettled=self._unsettled,
        )

    def joined(self) -> None:
        """A call joined a running one with its id."""
        self._meter.joined()

    def breaker_changed(self, change: BreakerChange) -> None:
        """A breaker went from one phase to another."""
        self._logger().warning(
            "breaker changed",
            deployment=change.now.deployment,
            before=change.before.value,
            now=change.now.phase.value,
            mode=change.now.mode.value,
        )

    def keys_are_missing(self, sentences: tuple[str, ...]) -> None:
        """Deployments of the catalogue in force cannot be called for want of a key."""
        for sentence in sentences:
            self._logger().warning("no key", complaint=sentence)

    def watch(self, fleet: Fleet, cache: AnswerCache) -> None:
        """Reads the state of these at every scrape."""

        def deployments() -> list[DeploymentGauges]:
            states = {state.deployment: _STATES[state.phase] for state in fleet.breakers()}
            return [
                DeploymentGauges(load.deployment, states.get(load.deployment, 0), load.in_flight, load.limit)
                for load in fleet.loads()
            ]

        self._meter.watch(
            deployments=deployments,
            cache=lambda: CacheFigures(cache.hits, cache.misses, cache.evictions, cache.bytes_used),
        )

    def _attempt_ended(self, target: Target, error: AttemptError | None, _seconds: float, cost_nano_usd: int) -> None:
        self._meter.attempted(target.deployment, "" if error is None else error.value, cost_nano_usd)

    def _answered(self, final: Final) -> None:
        is_called = final.cache not in (CacheOutcome.HIT, CacheOutcome.STALE)
        self._meter.answered(
            final.finish_reason.value,
            final.cache.value,
            first_token_seconds=final.latency.first_token if is_called else None,
            total_seconds=final.latency.total,
        )

    def _switched(self, switch: Switch) -> None:
        self._meter.switched("restart" if switch.restarts else "resume")

    def _unsettled(self, tenant: str, nano_usd: int) -> None:
        self._meter.unsettled(nano_usd)
        self._logger().error("bill not written down", tenant=tenant, nano_usd=nano_usd)
