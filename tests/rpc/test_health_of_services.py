"""Health of a whole server: what breaks takes out the services that need it, and what is mended comes back."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from atp_grpc.app.checks import NEEDS
from atp_grpc.client import AtpCallError
from atp_grpc.client.messages import (
    GetDecisionRequest,
    HealthCheckResponse,
    ObserveRequest,
    ReloadCatalogRequest,
)
from atp_grpc.config import CatalogSettings, HealthSettings
from tests.faults.battery import report
from tests.rpc.catalogues import DRAINING_ONLY, ONE_MODEL
from tests.rpc.ops_pages import page
from tests.rpc.provoking import locked, prompt, refused
from tests.rpc.serving import Serving, serving
from tests.rpc.waiting import eventually

ROUTE, ASK, OBSERVE = "atp.v1.RouteService", "atp.v1.AskService", "atp.v1.ObserveService"
KEPT = ("atp.v1.DecisionService", "atp.admin.v1.PriorService", "atp.admin.v1.TenantService")
"""What reads and writes the store and nothing else."""
SERVING = HealthCheckResponse.SERVING
OFTEN = HealthSettings(check_interval_seconds=0.02, fall_checks=2, rise_checks=2)
NO_MODEL = ONE_MODEL.replace("max_output_tokens = 1000", 'max_output_tokens = 1000\nstatus = "deprecated"')


async def healthz(server: Serving) -> tuple[int, Any]:
    status, text = await page(server.app.door.ops_port, "/healthz")
    return status, json.loads(text)


async def services(server: Serving) -> Mapping[str, str]:
    """What is told of each service over gRPC."""
    listed = await server.globex.list_health()
    return {name: HealthCheckResponse.ServingStatus.Name(one.status) for name, one in listed.statuses.items()}


async def becomes(server: Serving, **states: str) -> None:
    """Waits until the checks of these names are believed to be so."""

    async def believed() -> dict[str, str]:
        _, document = await healthz(server)
        return {name: document["checks"][name]["believed"] for name in states}

    await eventually(believed, is_it=lambda found: found == states)


async def serve(server: Serving, *down: str) -> None:
    """Waits until exactly these services are down."""

    async def not_serving() -> set[str]:
        return {name for name, status in (await services(server)).items() if status != "SERVING"}

    await eventually(not_serving, is_it=lambda found: found == set(down))


@contextlib.contextmanager
def away(path: Path) -> Iterator[None]:
    """A file that is gone for a while, as on a volume that was unmounted."""
    path.rename(path.with_suffix(".away"))
    try:
        yield
    finally:
        path.with_suffix(".away").rename(path)


async def test_a_server_that_is_well_says_so_of_every_service_and_every_check(tmp_path: Path) -> None:
    async with serving(tmp_path / "data") as server:
        status, document = await healthz(server)

        assert status == 200
        assert document["state"] == "healthy"
        assert (document["started"], document["ready"], document["draining"]) == (True, True, False)
        assert document["instance_id"] == server.app.rooms.instance_id
        assert document["uptime_seconds"] >= 0
        assert document["services"] == dict.fromkeys(("", *NEEDS), "SERVING") == dict(await services(server))
        assert list(document["checks"]) == [
            *("store", "journal", "decisions", "catalog", "providers", "engine", "upkeep", "background", "loop", "disk")
        ]
        assert {one["state"] for one in document["checks"].values()} == {"healthy"}
        _, metrics = await page(server.app.door.ops_port, "/metrics")
        assert 'atp_health_state{check="store"} 0.0' in metrics
        assert re.search(r'atp_health_check_seconds\{check="store"\} 0?\.?\d', metrics)


async def test_without_its_store_a_server_routes_on_and_takes_out_what_needs_it_until_it_is_back(
    tmp_path: Path,
) -> None:
    log = io.StringIO()
    async with serving(tmp_path / "data", log_stream=log, health=OFTEN) as server:
        routed = await server.acme.route(prompt())
        report = ObserveRequest(feedback_token=routed.feedback_token, quality=1.0)
        with away(tmp_path / "data" / "atp.db"):
            await refused(server.acme.observe(report), "STORE_UNAVAILABLE", "UNAVAILABLE", retry=True)
            await becomes(server, store="unhealthy", journal="unhealthy")
            await serve(server, ASK, OBSERVE, *KEPT)

            status, document = await healthz(server)
            assert (status, document["state"], document["ready"]) == (200, "degraded", True)
            assert (await page(server.app.door.ops_port, "/readyz"))[0] == 200
            assert (await server.globex.route(prompt())).decision_id
            assert 'atp_health_state{check="store"} 2.0' in (await page(server.app.door.ops_port, "/metrics"))[1]
        # Nobody sends a report meanwhile, and none is needed.
        await becomes(server, store="healthy", journal="healthy")
        await serve(server)
        assert (await server.acme.observe(report)).recorded_fields == ["quality"]
        await server.acme.get_decision(GetDecisionRequest(decision_id=routed.decision_id))
    told = [json.loads(line) for line in log.getvalue().splitlines()]
    changes = [(one["check"], one["state"]) for one in told if one["event"] == "health changed"]
    assert [change for change in changes if change[0] == "store"] == [("store", "unhealthy"), ("store", "healthy")]


async def test_a_store_that_hangs_counts_as_one_that_is_gone(tmp_path: Path) -> None:
    health = HealthSettings(check_interval_seconds=0.02, check_timeout_seconds=0.1, fall_checks=2, rise_checks=2)
    async with serving(tmp_path / "data", health=health) as server:
        token = (await server.acme.route(prompt())).feedback_token
        with locked(tmp_path / "data" / "atp.db"):
            report = asyncio.ensure_future(server.acme.observe(ObserveRequest(feedback_token=token, quality=1.0)))
            await becomes(server, store="unhealthy")
            await serve(server, ASK, OBSERVE, *KEPT)
            assert (await server.globex.route(prompt())).decision_id
        with contextlib.suppress(AtpCallError):
            await report
        await serve(server)


async def test_without_a_model_to_choose_the_whole_server_is_not_ready_until_there_is_one(tmp_path: Path) -> None:
    path = tmp_path / "catalog.toml"
    path.write_text(NO_MODEL)
    catalog = CatalogSettings(str(path), watch_interval_seconds=0.02)
    async with serving(tmp_path / "data", catalog=catalog, health=OFTEN) as server:
        ops = server.app.door.ops_port
        await serve(server, "", ROUTE, ASK)
        assert [(await page(ops, path))[0] for path in ("/livez", "/startupz", "/readyz")] == [200, 200, 503]
        status, document = await healthz(server)
        assert (status, document["state"], document["ready"]) == (503, "unhealthy", False)

        path.write_text(ONE_MODEL)
        await serve(server)
        assert (await page(ops, "/readyz"))[0] == 200
        assert (await server.acme.route(prompt(max_output_tokens=10))).target.model == "solo"


async def test_models_that_drain_leave_the_server_in_service_so_that_it_can_say_why(tmp_path: Path) -> None:
    path = tmp_path / "catalog.toml"
    path.write_text(DRAINING_ONLY)
    async with serving(tmp_path / "data", catalog=CatalogSettings(str(path)), health=OFTEN) as server:
        await becomes(server, catalog="degraded")
        await serve(server)
        await refused(server.acme.route(prompt()), "MODELS_UNAVAILABLE", "UNAVAILABLE", retry=True)


async def test_a_refused_catalogue_degrades_and_takes_nobody_out(tmp_path: Path) -> None:
    path = tmp_path / "catalog.toml"
    path.write_text(ONE_MODEL)
    catalog = CatalogSettings(str(path), watch_interval_seconds=3600.0)
    async with serving(tmp_path / "data", catalog=catalog, health=OFTEN) as server:
        path.write_text("rubbish")
        await refused(server.acme.reload_catalog(ReloadCatalogRequest()), "CATALOG_INVALID", "FAILED_PRECONDITION")
        await becomes(server, catalog="degraded")
        await serve(server)
        assert (await healthz(server))[0] == 200

        path.write_text(ONE_MODEL)
        await server.acme.reload_catalog(ReloadCatalogRequest())
        await becomes(server, catalog="healthy")


async def test_a_full_disk_is_told_before_it_hurts(tmp_path: Path) -> None:
    health = HealthSettings(check_interval_seconds=0.02, disk_low_bytes=2**60, disk_full_bytes=2**60)
    async with serving(tmp_path / "data", health=health) as server:
        status, document = await healthz(server)

        assert document["checks"]["disk"]["state"] == "unhealthy"
        assert document["checks"]["disk"]["sentence"].endswith("GiB free")
        assert (status, document["state"]) == (200, "degraded")
        assert set((await services(server)).values()) == {"SERVING"}


async def test_the_protocol_of_health_is_kept_in_every_point(tmp_path: Path) -> None:
    """gRFC A17 and A90 and the comments of the proto, asked by the stubs of gRPC itself without a credential."""
    kept: dict[str, bool] = {}
    life = contextlib.AsyncExitStack()
    server = await life.enter_async_context(serving(tmp_path / "data"))
    async with life, grpc.aio.insecure_channel(server.target) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        asking = health_pb2.HealthCheckRequest
        listed = (await health.List(health_pb2.HealthListRequest())).statuses
        kept["the list holds the whole and every service"] = set(listed) == {"", *NEEDS}
        for name in listed:
            checked = await health.Check(asking(service=name))
            kept[f"check and list agree on {name!r}"] = checked.status == listed[name].status == SERVING
        missing = health.Check(asking(service="atp.v9.NoService"))
        kept["an unknown service is not found"] = await missing.code() is grpc.StatusCode.NOT_FOUND
        watches = {name: health.Watch(asking(service=name)) for name in (*listed, "atp.v9.NoService")}
        for name, watch in watches.items():
            first = (await asyncio.wait_for(watch.read(), 5)).status
            expected = SERVING if name in listed else HealthCheckResponse.SERVICE_UNKNOWN
            kept[f"a watch of {name!r} tells its status at once"] = first == expected
            kept[f"a watch of {name!r} stays open"] = not watch.done()
        # The server drains: its watches are told, and end.
        closing = asyncio.create_task(life.pop_all().aclose())
        for name, watch in watches.items():
            told = []
            while (answer := await asyncio.wait_for(watch.read(), 10)) is not grpc.aio.EOF:
                told.append(answer.status)
            kept[f"a watch of {name!r} is told of the drain and ends"] = (
                told == ([HealthCheckResponse.NOT_SERVING] if name in listed else [])
                and await watch.code() is grpc.StatusCode.OK
            )
        await closing
    broken = [point for point, is_kept in kept.items() if not is_kept]
    report("E13-health", n=len(kept), figure={"kept": len(kept) - len(broken)}, bar="all", passed=not broken)
    assert broken == []


async def test_many_who_ask_at_once_start_one_look(tmp_path: Path) -> None:
    async with serving(tmp_path / "data", health=HealthSettings(check_interval_seconds=3600.0)) as server:
        looks: list[str] = []
        look = server.app.rooms.store.ping

        async def counted() -> None:
            looks.append("store")
            await look()

        server.app.rooms.store.ping = counted  # type: ignore[method-assign]
        await asyncio.gather(*(healthz(server) for _ in range(100)))
        assert len(looks) <= 1 + 1
