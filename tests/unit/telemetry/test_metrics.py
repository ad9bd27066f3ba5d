"""Metrics count what they say, and the page that lists them is true."""

import re
from pathlib import Path

from prometheus_client import generate_latest
from prometheus_client.metrics import MetricWrapperBase

from atp_grpc.telemetry.metrics import Metrics

PAGE = Path(__file__).resolve().parents[3] / "docs" / "metrics.md"
_ROW = re.compile(r"^\| `([a-z_]+)` \| (counter|gauge|histogram) \|([^|]*)\|", re.MULTILINE)


def listed() -> dict[str, tuple[str, frozenset[str]]]:
    """Name, type and labels of every row of the page."""
    return {
        name: (kind, frozenset(re.findall(r"`([a-z_]+)`", labels)))
        for name, kind, labels in _ROW.findall(PAGE.read_text())
    }


def served() -> dict[str, tuple[str, frozenset[str]]]:
    """Name, type and labels of every metric in the registry."""
    metrics = Metrics()
    found: dict[str, tuple[str, frozenset[str]]] = {}
    for collector in list(metrics.registry._collector_to_names):
        for family in collector.collect():
            source = collector if isinstance(collector, MetricWrapperBase) else family
            labels = frozenset(getattr(source, "_labelnames", ()))
            name = f"{family.name}_total" if family.type == "counter" else family.name
            found[name] = (family.type, labels)
    return found


def scraped(metrics: Metrics) -> str:
    return generate_latest(metrics.registry).decode()


def test_the_page_lists_exactly_the_metrics_of_the_code_with_type_and_labels() -> None:
    assert listed() == served()


def test_a_decision_counts_once_with_its_expected_cost() -> None:
    metrics = Metrics()
    metrics.decided(model="small", policy="default", expected_cost_nano_usd=1_000)
    metrics.decided(model="small", policy="default", expected_cost_nano_usd=500)

    assert 'atp_decisions_total{model="small",policy="default"} 2.0' in scraped(metrics)
    assert 'atp_expected_cost_nano_usd_total{model="small",policy="default"} 1500.0' in scraped(metrics)


def test_a_new_engine_replaces_the_earlier_one() -> None:
    metrics = Metrics()
    metrics.engine_is(name="native", version="1")
    metrics.engine_is(name="reference", version="1")

    assert 'atp_engine_info{engine="reference",version="1"} 1.0' in scraped(metrics)
    assert "native" not in scraped(metrics).partition("atp_engine_info{")[2].splitlines()[0]


def test_what_is_watched_is_read_at_every_scrape() -> None:
    metrics, revision = Metrics(), [1.0]
    metrics.watch(
        catalog_revision=lambda: revision[0],
        learner_generation=lambda: 7,
        context_on=lambda: True,
        engine_quarantined=lambda: False,
        engine_choices=lambda: {("native",): 6, ("reference",): 2},
    )
    metrics.watch_queue("decisions", lambda: 3)
    metrics.watch_open_calls(lambda: 2)
    metrics.watch_lines(dropped=lambda: 4, left_out=lambda: 5)
    revision[0] = 2.0

    text = scraped(metrics)
    for line in (
        "atp_catalog_revision 2.0",
        "atp_learner_generation 7.0",
        "atp_context_on 1.0",
        "atp_engine_quarantined 0.0",
        'atp_engine_choices_total{engine="native"} 6.0',
        'atp_engine_choices_total{engine="reference"} 2.0',
        'atp_queue_depth{queue="decisions"} 3.0',
        "atp_calls_open 2.0",
        "atp_log_lines_dropped 4.0",
        "atp_call_lines_left_out 5.0",
    ):
        assert line in text


def test_every_event_has_its_counter() -> None:
    metrics = Metrics()
    metrics.observed("recorded")
    metrics.learned(3)
    metrics.dropped_decision_records(2)
    metrics.committed(0.003)
    metrics.catalog_reload_failed()
    metrics.incident()

    text = scraped(metrics)
    for line in (
        'atp_observations_total{result="recorded"} 1.0',
        "atp_learned_total 3.0",
        "atp_decision_records_dropped_total 2.0",
        'atp_store_commit_seconds_bucket{le="0.005"} 1.0',
        "atp_catalog_reload_failures_total 1.0",
        "atp_incidents_total 1.0",
    ):
        assert line in text


def test_health_and_the_loop_have_their_figures() -> None:
    metrics = Metrics()
    metrics.checked("store", 2, 0.25)
    metrics.checked("store", 1, 0.125)
    metrics.watch_health_watches(lambda: 3)
    metrics.loop_lagged(0.03)
    metrics.loop_stalled()

    text = scraped(metrics)
    for line in (
        'atp_health_state{check="store"} 1.0',
        'atp_health_check_seconds{check="store"} 0.125',
        "atp_health_watches 3.0",
        'atp_loop_lag_seconds_bucket{le="0.05"} 1.0',
        'atp_loop_lag_seconds_bucket{le="0.025"} 0.0',
        "atp_loop_stalls_total 1.0",
    ):
        assert line in text


def test_two_processes_worth_of_metrics_do_not_meet() -> None:
    first, second = Metrics(), Metrics()
    first.incident()

    assert "atp_incidents_total 0.0" in scraped(second)
