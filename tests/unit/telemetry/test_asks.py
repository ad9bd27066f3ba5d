"""The metrics of Ask count what their names say."""

from __future__ import annotations

from prometheus_client import generate_latest

from atp_grpc.telemetry.asks import CacheFigures, DeploymentGauges
from atp_grpc.telemetry.metrics import Metrics


def scraped(metrics: Metrics) -> list[str]:
    return generate_latest(metrics.registry).decode().splitlines()


def test_attempts_are_counted_with_their_error_and_their_money() -> None:
    metrics = Metrics()
    metrics.asks.attempted("swift@acme", "cut", 40)
    metrics.asks.attempted("swift@acme", "", 30)
    metrics.asks.attempted("deep@umbra", "", 0)

    lines = scraped(metrics)
    assert 'atp_ask_attempts_total{deployment="swift@acme",error="cut"} 1.0' in lines
    assert 'atp_ask_attempts_total{deployment="swift@acme",error=""} 1.0' in lines
    assert 'atp_ask_cost_nano_usd_total{deployment="swift@acme"} 70.0' in lines
    assert not any("atp_ask_cost_nano_usd_total" in line and "umbra" in line for line in lines)


def test_answers_are_timed_and_one_from_the_cache_has_no_first_token() -> None:
    metrics = Metrics()
    metrics.asks.answered("stop", "unused", first_token_seconds=0.125, total_seconds=2.0)
    metrics.asks.answered("stop", "hit", first_token_seconds=None, total_seconds=0.001)

    lines = scraped(metrics)
    assert 'atp_ask_answers_total{cache="unused",finish_reason="stop"} 1.0' in lines
    assert 'atp_ask_answers_total{cache="hit",finish_reason="stop"} 1.0' in lines
    assert "atp_ask_first_token_seconds_count 1.0" in lines
    assert 'atp_ask_first_token_seconds_bucket{le="0.1"} 0.0' in lines
    assert 'atp_ask_first_token_seconds_bucket{le="0.2"} 1.0' in lines
    assert "atp_ask_seconds_count 2.0" in lines


def test_switches_joins_and_bills_that_were_not_settled_are_counted() -> None:
    metrics = Metrics()
    metrics.asks.switched("restart")
    metrics.asks.joined()
    metrics.asks.unsettled(9)

    lines = scraped(metrics)
    assert 'atp_ask_switches_total{how="restart"} 1.0' in lines
    assert "atp_ask_joined_total 1.0" in lines
    assert "atp_ask_unsettled_nano_usd_total 9.0" in lines


def test_the_cache_and_the_deployments_are_read_at_every_scrape() -> None:
    metrics, hits, state = Metrics(), 1, 0
    metrics.asks.watch(
        cache=lambda: CacheFigures(hits, 2, 1, 4096),
        deployments=lambda: [DeploymentGauges("swift@acme", state, in_flight=3, limit=8)],
    )
    hits, state = 3, 2

    lines = scraped(metrics)
    assert 'atp_ask_cache_total{event="hit"} 3.0' in lines
    assert "atp_ask_cache_bytes 4096.0" in lines
    assert 'atp_breaker_state{deployment="swift@acme"} 2.0' in lines
    assert 'atp_deployment_in_flight{deployment="swift@acme"} 3.0' in lines
    assert 'atp_deployment_limit{deployment="swift@acme"} 8.0' in lines
