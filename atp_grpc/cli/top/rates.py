"""What happened between two looks at a server's counters. Pure arithmetic."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from atp_grpc.client.messages import (
    EngineInfo,
    GetServerStatsResponse,
    HealthState,
    LatencyBucket,
    MethodStats,
    ModelStats,
)

OK = "OK"
NANO_PER_USD = 1_000_000_000


@dataclass(frozen=True, slots=True)
class MethodRates:
    """One method. Latencies in milliseconds: the upper bound of the bucket in which the quantile lies, interpolated."""

    method: str
    calls_per_second: float
    errors_per_second: float
    p50_ms: float | None
    p99_ms: float | None
    total_calls: int


@dataclass(frozen=True, slots=True)
class ModelShare:
    """One model of one policy. `quality` is what it has shown, None before anything was observed."""

    model: str
    policy: str
    share: float
    decisions_per_second: float
    total_decisions: int
    usd_per_thousand: float
    observations: float
    quality: float | None


@dataclass(frozen=True, slots=True)
class Rates:
    """A server between two looks."""

    instance_id: str
    seconds: float
    uptime_seconds: float
    calls_per_second: float
    errors_per_second: float
    errors_by_code: dict[str, float]
    p50_ms: float | None
    p99_ms: float | None
    methods: tuple[MethodRates, ...]
    models: tuple[ModelShare, ...]
    decisions_per_second: float
    usd_per_thousand: float | None
    learned_per_second: float
    total_learned: int
    context_on: bool
    engine: str
    engine_shares: dict[str, float]
    """Share of the decisions by the engine that chose, of the time between or of all when quiet."""
    open_calls: int
    open_streams: int
    call_limit: int
    overloaded_per_second: float
    queue_depths: dict[str, int]
    loop_lag_ms: float
    cpu_share: float
    resident_mib: float
    checks: tuple[tuple[str, str, str], ...]
    """Name, state and sentence of each health check."""
    draining: bool
    total_incidents: int

    def document(self) -> dict[str, object]:
        """Everything, for machines."""
        return asdict(self)


def rates_between(before: GetServerStatsResponse, after: GetServerStatsResponse, engine: EngineInfo) -> Rates:
    """The figures of the time between two answers of one process; `engine` is what it had learned by the second."""
    seconds = max(1e-9, (after.taken_at.ToNanoseconds() - before.taken_at.ToNanoseconds()) / 1e9)
    earlier = {(one.service, one.method): one for one in before.methods}
    methods = [_method(earlier.get((one.service, one.method), MethodStats()), one, seconds) for one in after.methods]
    codes = _codes(before, after, seconds)
    errors = {code: rate for code, rate in codes.items() if code != OK and rate > 0}
    everything = _joined(before.methods, after.methods)
    models = _models(before.models, after.models, engine, seconds)
    decisions = sum(one.decisions_per_second for one in models) * seconds
    spent = sum(one.total_expected_cost_nano_usd for one in after.models) - sum(
        one.total_expected_cost_nano_usd for one in before.models
    )
    return Rates(
        instance_id=after.instance_id,
        seconds=seconds,
        uptime_seconds=after.uptime.ToNanoseconds() / 1e9,
        calls_per_second=sum(codes.values()),
        errors_per_second=sum(errors.values()),
        errors_by_code=errors,
        p50_ms=quantile_ms(everything, 0.5),
        p99_ms=quantile_ms(everything, 0.99),
        methods=tuple(sorted(methods, key=lambda one: (-one.calls_per_second, -one.total_calls, one.method))),
        models=models,
        decisions_per_second=decisions / seconds,
        usd_per_thousand=spent / NANO_PER_USD / decisions * 1_000 if decisions else None,
        learned_per_second=(after.total_learned - before.total_learned) / seconds,
        total_learned=engine.learned,
        context_on=engine.context_on,
        engine=engine.name,
        engine_shares=_engine_shares(before.total_decisions_by_engine, after.total_decisions_by_engine),
        open_calls=after.open_calls,
        open_streams=after.open_streams,
        call_limit=after.call_limit,
        overloaded_per_second=(after.total_overloaded - before.total_overloaded) / seconds,
        queue_depths=dict(sorted(after.queue_depths.items())),
        loop_lag_ms=after.loop_lag.ToNanoseconds() / 1e6,
        cpu_share=(after.total_cpu_seconds - before.total_cpu_seconds) / seconds,
        resident_mib=after.resident_bytes / 2**20,
        checks=tuple((one.name, _state(one.state), one.sentence) for one in after.checks),
        draining=after.draining,
        total_incidents=after.total_incidents,
    )


def quantile_ms(buckets: Sequence[tuple[float, int]], share: float) -> float | None:
    """A quantile from cumulative buckets of (upper bound in seconds, calls), in milliseconds.

    Interpolated within its bucket, as Prometheus does; the last finite bound where it lies above; None without calls.
    """
    total = buckets[-1][1] if buckets else 0
    if total <= 0:
        return None
    rank, lower, below = share * total, 0.0, 0
    for upper, calls in buckets:
        if calls >= rank and calls > below:
            if math.isinf(upper):
                return lower * 1_000
            return (lower + (upper - lower) * max(0.0, rank - below) / (calls - below)) * 1_000
        lower, below = (lower if math.isinf(upper) else upper), calls
    return lower * 1_000


def _method(before: MethodStats, after: MethodStats, seconds: float) -> MethodRates:
    calls = _difference(before, after)
    buckets = _joined([before], [after])
    return MethodRates(
        method=f"{after.service.rpartition('.')[2]}/{after.method}",
        calls_per_second=sum(calls.values()) / seconds,
        errors_per_second=sum(count for code, count in calls.items() if code != OK) / seconds,
        p50_ms=quantile_ms(buckets, 0.5),
        p99_ms=quantile_ms(buckets, 0.99),
        total_calls=sum(after.total_by_code.values()),
    )


def _difference(before: MethodStats, after: MethodStats) -> dict[str, int]:
    return {code: total - before.total_by_code.get(code, 0) for code, total in after.total_by_code.items()}


def _codes(before: GetServerStatsResponse, after: GetServerStatsResponse, seconds: float) -> dict[str, float]:
    earlier = {(one.service, one.method): one for one in before.methods}
    rates: dict[str, float] = {}
    for one in after.methods:
        for code, count in _difference(earlier.get((one.service, one.method), MethodStats()), one).items():
            rates[code] = rates.get(code, 0.0) + count / seconds
    return rates


def _joined(before: Sequence[MethodStats], after: Sequence[MethodStats]) -> list[tuple[float, int]]:
    """The calls between two looks by latency, of all methods together."""
    calls: dict[float, int] = {}
    for sign, methods in ((1, after), (-1, before)):
        for method in methods:
            for bucket in method.latency:
                calls[_bound(bucket)] = calls.get(_bound(bucket), 0) + sign * bucket.total_calls
    return sorted(calls.items())


def _bound(bucket: LatencyBucket) -> float:
    return float(bucket.upper_seconds)


def _models(
    before: Sequence[ModelStats], after: Sequence[ModelStats], engine: EngineInfo, seconds: float
) -> tuple[ModelShare, ...]:
    """Every model that was ever drawn, most decisions first. Shares are of the time between, or of all when quiet."""
    earlier = {(one.model, one.policy): one.total_decisions for one in before}
    learned = {arm.model: arm for arm in engine.arms}
    recent = {(one.model, one.policy): one.total_decisions - earlier.get((one.model, one.policy), 0) for one in after}
    weights = recent if sum(recent.values()) else {(one.model, one.policy): one.total_decisions for one in after}
    whole = sum(weights.values()) or 1
    shares = []
    for one in after:
        key, arm = (one.model, one.policy), learned.get(one.model)
        shares.append(
            ModelShare(
                model=one.model,
                policy=one.policy,
                share=weights[key] / whole,
                decisions_per_second=recent[key] / seconds,
                total_decisions=one.total_decisions,
                usd_per_thousand=one.total_expected_cost_nano_usd / NANO_PER_USD / max(1, one.total_decisions) * 1_000,
                observations=arm.observations if arm is not None else 0.0,
                quality=arm.quality if arm is not None and arm.observations > 0 else None,
            )
        )
    return tuple(sorted(shares, key=lambda one: (-one.share, -one.total_decisions, one.model)))


def _engine_shares(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, float]:
    recent = {name: total - before.get(name, 0) for name, total in after.items()}
    weights = recent if sum(recent.values()) else after
    return {name: weights[name] / sum(weights.values()) for name in sorted(weights) if weights[name]}


def _state(number: int) -> str:
    value = HealthState.DESCRIPTOR.values_by_number.get(number)
    return value.name.removeprefix("HEALTH_STATE_").lower() if value is not None else str(number)
