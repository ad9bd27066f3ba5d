"""The ops port over real HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping

import aiohttp
import pytest

from atp_grpc.telemetry.metrics import Metrics
from atp_grpc.transport.listening import ListenError
from atp_grpc.transport.ops_http import OpsServer

PAGES = ["/livez", "/readyz", "/startupz", "/healthz", "/metrics"]
SECRET = "postgres://user:secret@host"


class Ops:
    """An ops server, and the condition that it tells of."""

    def __init__(self) -> None:
        self.is_started = self.is_ready = self.is_fit = self.is_broken = False
        self.faults: list[BaseException] = []
        self.metrics = Metrics()
        self.server = OpsServer(
            host="127.0.0.1", port=0, registry=self.metrics.registry, condition=self, on_fault=self.failed
        )
        self.port = 0

    async def report(self) -> tuple[bool, Mapping[str, object]]:
        if self.is_broken:
            raise RuntimeError(SECRET)
        return self.is_fit, {"state": "healthy" if self.is_fit else "unhealthy"}

    def failed(self, fault: BaseException) -> str:
        self.faults.append(fault)
        return "incident-1"


@pytest.fixture
async def ops() -> AsyncIterator[Ops]:
    ops = Ops()
    ops.port = await ops.server.start()
    yield ops
    await ops.server.stop()


async def ask(ops: Ops, method: str, path: str, **headers: str) -> tuple[int, Mapping[str, str], str]:
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"http://127.0.0.1:{ops.port}{path}", headers=headers) as response,
    ):
        assert response.headers["Server"] == "atp"
        assert response.headers["Cache-Control"] == "no-store"
        return response.status, response.headers, await response.text()


async def get(ops: Ops, path: str, **headers: str) -> tuple[int, str, str]:
    status, answered, text = await ask(ops, "GET", path, **headers)
    return status, answered["Content-Type"], text


async def test_a_running_loop_is_alive_whatever_else_is_wrong(ops: Ops) -> None:
    ops.is_broken = True

    assert await get(ops, "/livez") == (200, "text/plain; charset=utf-8", "alive\n")


async def test_ready_follows_the_server(ops: Ops) -> None:
    assert (await get(ops, "/readyz"))[0] == 503
    ops.is_ready = True
    assert (await get(ops, "/readyz"))[0] == 200


async def test_startup_is_over_once_the_server_has_started(ops: Ops) -> None:
    assert (await get(ops, "/startupz"))[0] == 503
    ops.is_started = True
    assert (await get(ops, "/startupz"))[0] == 200


async def test_health_is_a_document_and_unfit_is_an_error(ops: Ops) -> None:
    status, content_type, text = await get(ops, "/healthz")
    assert (status, content_type, json.loads(text)) == (
        503,
        "application/json; charset=utf-8",
        {"state": "unhealthy"},
    )
    ops.is_fit = True
    status, _, text = await get(ops, "/healthz")
    assert (status, json.loads(text)) == (200, {"state": "healthy"})


async def test_metrics_come_as_text(ops: Ops) -> None:
    ops.metrics.committed(0.25)

    status, content_type, text = await get(ops, "/metrics")

    assert status == 200
    assert content_type.startswith("text/plain; version=")
    assert "atp_store_commit_seconds_sum 0.25" in text


async def test_metrics_come_as_openmetrics_where_asked(ops: Ops) -> None:
    _, content_type, text = await get(ops, "/metrics", Accept="application/openmetrics-text; version=1.0.0")

    assert content_type.startswith("application/openmetrics-text")
    assert text.endswith("# EOF\n")


@pytest.mark.parametrize("path", PAGES)
async def test_a_head_is_told_what_a_get_would_be_without_the_page(ops: Ops, path: str) -> None:
    status, headers, text = await ask(ops, "HEAD", path)

    assert text == ""
    assert status == (await get(ops, path))[0]
    assert int(headers["Content-Length"]) > 0


@pytest.mark.parametrize("path", ["/", "/livez/", "/metrics/../etc", "/%00", "/nowhere?livez"])
async def test_nothing_else_is_there_and_says_so_in_json(ops: Ops, path: str) -> None:
    status, content_type, text = await get(ops, path)

    assert (status, content_type, json.loads(text)) == (
        404,
        "application/json; charset=utf-8",
        {"error": "not found"},
    )


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_nothing_can_be_changed_here(ops: Ops, method: str) -> None:
    status, headers, text = await ask(ops, method, "/readyz")

    assert (status, json.loads(text)) == (405, {"error": "method not allowed"})
    assert sorted(headers["Allow"].split(",")) == ["GET", "HEAD"]


async def test_a_page_that_fails_tells_its_incident_and_nothing_else(ops: Ops) -> None:
    ops.is_broken = True

    status, _, text = await get(ops, "/healthz")

    assert (status, json.loads(text)) == (500, {"error": "internal error", "incident": "incident-1"})
    assert [type(fault) for fault in ops.faults] == [RuntimeError]


@pytest.mark.parametrize(
    "rubbish",
    [b"RUBBISH\r\n\r\n", b"GET /livez HTTP/9\r\n\r\n", b"\x16\x03\x01\x02\x00", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
)
async def test_rubbish_is_refused_without_a_trace_and_the_next_is_answered(ops: Ops, rubbish: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", ops.port)
    writer.write(rubbish)
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()

    assert not answer or answer.startswith((b"HTTP/1.0 400", b"HTTP/1.1 400"))
    assert b"Traceback" not in answer
    assert b".py" not in answer
    assert (await get(ops, "/livez"))[0] == 200


async def test_a_taken_port_is_refused_in_words(ops: Ops) -> None:
    second = OpsServer(
        host="127.0.0.1", port=ops.port, registry=ops.metrics.registry, condition=ops, on_fault=ops.failed
    )

    with pytest.raises(ListenError, match=rf"cannot listen on 127\.0\.0\.1:{ops.port} for ops.*ATP_OPS_PORT"):
        await second.start()


async def test_an_unstarted_server_stops_without_a_word() -> None:
    await Ops().server.stop()
