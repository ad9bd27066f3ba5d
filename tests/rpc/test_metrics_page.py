"""The metrics page over real HTTP after real calls: every metric that a story moves has moved, and by how much."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest

from atp_grpc.client import AtpCallError
from atp_grpc.client.messages import ObserveRequest, ReloadCatalogRequest, RouteBatchRequest
from atp_grpc.config import CatalogSettings, LearningSettings, TelemetrySettings
from tests.rpc.catalogues import ONE_MODEL, TWO_MODELS
from tests.rpc.provoking import prompt
from tests.rpc.serving import serving


async def test_the_page_tells_what_happened(tmp_path: Path) -> None:
    path = tmp_path / "catalog.toml"
    path.write_text(ONE_MODEL)
    async with serving(
        tmp_path / "data",
        catalog=CatalogSettings(str(path), watch_interval_seconds=3600.0),
        learning=LearningSettings(decision_queue=3),
        telemetry=TelemetrySettings(success_logs_per_second=0.0),
    ) as server:
        batch = RouteBatchRequest(requests=[prompt(input_tokens=0, max_output_tokens=10)] * 5)
        results = (await server.acme.route_batch(batch)).results
        for _ in range(2):
            for result in results[:4]:
                report = ObserveRequest(feedback_token=result.response.feedback_token, quality=0.5)
                await server.acme.observe(report)
        path.write_text("rubbish")
        with pytest.raises(AtpCallError):
            await server.acme.reload_catalog(ReloadCatalogRequest())
        path.write_text(TWO_MODELS)
        await server.acme.reload_catalog(ReloadCatalogRequest())
        url = f"http://127.0.0.1:{server.app.door.ops_port}/metrics"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            lines = set((await response.text()).splitlines())
    observe = 'grpc_method="Observe",grpc_service="atp.v1.ObserveService",grpc_type="unary"'
    expected = {
        'atp_decisions_total{model="solo",policy="default"} 5.0',
        # Ten output tokens at US$ 4 a million, five times.
        'atp_expected_cost_nano_usd_total{model="solo",policy="default"} 200000.0',
        "atp_decision_records_dropped_total 2.0",
        'atp_observations_total{result="recorded"} 4.0',
        'atp_observations_total{result="unchanged"} 4.0',
        "atp_learned_total 4.0",
        "atp_learner_generation 4.0",
        "atp_catalog_revision 2.0",
        "atp_catalog_reload_failures_total 1.0",
        "atp_store_commit_seconds_count 8.0",
        "atp_engine_quarantined 0.0",
        f'atp_engine_choices_total{{engine="{results[0].response.engine}"}} 5.0',
        "atp_incidents_total 0.0",
        "atp_log_lines_dropped 0.0",
        # Nine calls and a reload; the refused one left its line.
        "atp_call_lines_left_out 10.0",
        'atp_queue_depth{queue="observations"} 0.0',
        f'grpc_server_handled_total{{grpc_code="OK",{observe}}} 8.0',
    }
    assert expected <= lines, expected - lines
