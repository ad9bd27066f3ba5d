"""The figures of a process for live views: what the metrics page says, as values.

The GetServerStats call enters here. The registry is read, not the rooms, so that a live view and a dashboard can never
tell two stories.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.samples import Sample

from atp_grpc.domain.health import CheckResult
from atp_grpc.services.process import CheckFigures, Figures, MethodFigures, ModelFigures

_Method = tuple[str, str]


class FigureReader:
    """Reads the figures."""

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        checks: Callable[[], Iterable[CheckResult]],
        loop_lag_seconds: Callable[[], float],
        is_draining: Callable[[], bool],
    ) -> None:
        """Takes the metrics, and what they do not hold as a value of now."""
        self._registry = registry
        self._checks = checks
        self._loop_lag_seconds = loop_lag_seconds
        self._is_draining = is_draining

    def read(self) -> Figures:
        """Everything, as of now. About a millisecond."""
        samples: dict[str, list[Sample]] = {}
        for family in self._registry.collect():
            for sample in family.samples:
                samples.setdefault(sample.name, []).append(sample)

        def total(name: str) -> float:
            return sum(sample.value for sample in samples.get(name, ()))

        return Figures(
            methods=_methods(samples),
            models=_models(samples),
            total_decisions_by_engine={
                sample.labels["engine"]: int(sample.value) for sample in samples.get("atp_engine_choices_total", ())
            },
            total_learned=int(total("atp_learned_total")),
            open_calls=int(total("atp_calls_open")),
            open_streams=int(total("atp_streams_open")),
            call_limit=int(total("atp_call_limit")),
            total_overloaded=int(total("atp_overloaded_total")),
            queue_depths={sample.labels["queue"]: int(sample.value) for sample in samples.get("atp_queue_depth", ())}
            | {"calls": int(total("atp_calls_waiting"))},
            loop_lag_seconds=self._loop_lag_seconds(),
            total_cpu_seconds=total("process_cpu_seconds_total"),
            resident_bytes=int(total("process_resident_memory_bytes")),
            checks=[CheckFigures(one.name, one.state.name, one.sentence) for one in self._checks()],
            draining=self._is_draining(),
            total_incidents=int(total("atp_incidents_total")),
        )


def _methods(samples: Mapping[str, list[Sample]]) -> list[MethodFigures]:
    """The methods that were called, by name."""
    codes: dict[_Method, dict[str, int]] = {}
    for sample in samples.get("grpc_server_handled_total", ()):
        if sample.value:
            codes.setdefault(_method(sample), {})[sample.labels["grpc_code"]] = int(sample.value)
    buckets: dict[_Method, list[tuple[float, int]]] = {}
    for sample in samples.get("grpc_server_handling_seconds_bucket", ()):
        buckets.setdefault(_method(sample), []).append((float(sample.labels["le"]), int(sample.value)))
    seconds = {_method(sample): sample.value for sample in samples.get("grpc_server_handling_seconds_sum", ())}
    return [
        MethodFigures(*method, codes[method], sorted(buckets.get(method, ())), seconds.get(method, 0.0))
        for method in sorted(codes)
    ]


def _models(samples: Mapping[str, list[Sample]]) -> list[ModelFigures]:
    costs = {_model(sample): int(sample.value) for sample in samples.get("atp_expected_cost_nano_usd_total", ())}
    return [
        ModelFigures(*_model(sample), int(sample.value), costs.get(_model(sample), 0))
        for sample in sorted(samples.get("atp_decisions_total", ()), key=_model)
    ]


def _method(sample: Sample) -> _Method:
    return sample.labels["grpc_service"], sample.labels["grpc_method"]


def _model(sample: Sample) -> tuple[str, str]:
    return sample.labels["model"], sample.labels["policy"]
