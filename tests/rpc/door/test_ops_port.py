"""The ops port over real HTTP."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from atp_grpc.telemetry.metrics import Metrics
from atp_grpc.transport.listening import ListenError
from atp_grpc.transport.ops_http import OpsServer


class Ops:
    def __init__(self) -> None:
        self.is_ready = False
        self.metrics = Metrics()
        self.server = OpsServer(
            host="127.0.0.1", port=0, registry=self.metrics.registry, is_ready=lambda: self.is_ready
        )
        self.port = 0


@pytest.fixture
async def ops() -> AsyncIterator[Ops]:
    ops = Ops()
    ops.port = await ops.server.start()
    yield ops
    await ops.server.stop()


async def get(ops: Ops, path: str, **headers: str) -> tuple[int, str, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{ops.port}{path}", headers=headers) as response,
    ):
        assert response.headers["Server"] == "atp"
        return response.status, response.headers["Content-Type"], await response.text()


async def test_a_running_loop_is_alive(ops: Ops) -> None:
    assert (await get(ops, "/livez"))[0] == 200


async def test_ready_follows_the_server(ops: Ops) -> None:
    assert (await get(ops, "/readyz"))[0] == 503
    ops.is_ready = True
    assert (await get(ops, "/readyz"))[0] == 200


async def test_metrics_come_as_text(ops: Ops) -> None:
    ops.metrics.decided(model="small", policy="default", expected_cost_nano_usd=1_500)

    status, content_type, text = await get(ops, "/metrics")

    assert status == 200
    assert content_type.startswith("text/plain; version=")
    assert 'atp_decisions_total{model="small",policy="default"} 1.0' in text
    assert 'atp_expected_cost_nano_usd_total{model="small",policy="default"} 1500.0' in text


async def test_metrics_come_as_openmetrics_where_asked(ops: Ops) -> None:
    _, content_type, text = await get(ops, "/metrics", Accept="application/openmetrics-text; version=1.0.0")

    assert content_type.startswith("application/openmetrics-text")
    assert text.endswith("# EOF\n")


async def test_nothing_else_is_there(ops: Ops) -> None:
    assert (await get(ops, "/"))[0] == 404
    assert (await get(ops, "/metrics/../etc"))[0] == 404


async def test_a_taken_port_is_refused_in_words(ops: Ops) -> None:
    second = OpsServer(host="127.0.0.1", port=ops.port, registry=ops.metrics.registry, is_ready=lambda: True)

    with pytest.raises(ListenError, match=rf"cannot listen on 127\.0\.0\.1:{ops.port} for ops.*ATP_OPS_PORT"):
        await second.start()


async def test_an_unstarted_server_stops_without_a_word() -> None:
    await Ops().server.stop()
