"""The tools that people bring to a gRPC server, against a real one: grpcurl, ghz and grpc_health_probe.

What they print stands in docs/tools.md and is compared there; here is what they must be able to do.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.interop.built import need
from tests.rpc.door.probe import open_door
from tests.rpc.serving import ACME, GLOBEX, Serving, serving

ROUTE = "atp.v1.RouteService/Route"
OBSERVE = "atp.v1.ObserveService/Observe"
HEALTH = "grpc.health.v1.Health"
# Codes that grpcurl adds to 64 to end with.
UNAUTHENTICATED, INVALID_ARGUMENT, DEADLINE_EXCEEDED = 64 + 16, 64 + 3, 64 + 4


@dataclass(frozen=True)
class Said:
    """How a tool ended, and what it printed."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


async def tool(name: str, *arguments: str) -> Said:
    """Runs a tool to its end."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*need(name), *arguments, stdout=pipe, stderr=pipe)
    out, err = await process.communicate()
    assert process.returncode is not None
    return Said(process.returncode, out.decode(), err.decode())


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Serving]:
    async with serving(tmp_path) as running:
        yield running


async def grpcurl(server: Serving, *arguments: str, tenant: str = ACME, data: object = None) -> Said:
    """Calls with a tenant's key."""
    options = ["-plaintext", "-H", f"authorization: Bearer {server.credentials[tenant]}"]
    if data is not None:
        options += ["-d", json.dumps(data)]
    return await tool("grpcurl", *options, server.target, *arguments)


async def test_grpcurl_lists_and_describes_everything_that_is_served(server: Serving) -> None:
    services = (await grpcurl(server, "list")).out.split()

    assert {"atp.v1.RouteService", "atp.admin.v1.OperationsService", HEALTH} <= {*services}
    assert {"grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"} <= {*services}
    for service in services:
        described = await grpcurl(server, "describe", service)
        assert (described.status, described.err) == (0, "")
        assert f"{service} is a service:" in described.out


async def test_grpcurl_decides_reports_and_is_told_what_was_known_already(server: Serving) -> None:
    decided = await grpcurl(server, ROUTE, data={"prompt": "Name a prime."})
    report = {"feedback_token": decided.document["feedback_token"], "quality": 0.9}

    first = await grpcurl(server, OBSERVE, data=report)
    again = await grpcurl(server, OBSERVE, data=report)
    foreign = await grpcurl(server, OBSERVE, data=report, tenant=GLOBEX)

    assert first.document["recorded_fields"] == ["quality"]
    assert again.document["unchanged_fields"] == ["quality"]
    assert (foreign.status, "TOKEN_INVALID" in foreign.err) == (INVALID_ARGUMENT, True)


async def test_grpcurl_prints_the_details_of_a_refusal_without_any_proto_file(server: Serving) -> None:
    said = await tool("grpcurl", "-plaintext", "-d", '{"prompt": "hello"}', server.target, ROUTE)

    assert said.status == UNAUTHENTICATED
    assert "google.rpc.ErrorInfo" in said.err
    assert "CREDENTIAL_REFUSED" in said.err


async def test_grpcurl_watches_health_until_it_has_enough(server: Serving) -> None:
    watch = await tool("grpcurl", "-plaintext", "-max-time", "2", server.target, f"{HEALTH}/Watch")

    assert watch.status == DEADLINE_EXCEEDED
    assert watch.document == {"status": "SERVING"}


async def test_the_health_probe_tells_serving_unknown_and_gone_apart(server: Serving) -> None:
    async def probe(target: str, *options: str) -> int:
        return (await tool("grpc_health_probe", f"-addr={target}", "-connect-timeout=2s", *options)).status

    assert await probe(server.target) == 0
    assert await probe(server.target, "-service=atp.v1.ObserveService") == 0
    assert await probe(server.target, "-service=ghost") == 3
    assert await probe("127.0.0.1:1") == 2


async def test_the_health_probe_sees_a_server_leave_while_it_still_serves() -> None:
    async with open_door() as door:
        door.server.health.leave_service()

        gone = await tool("grpc_health_probe", f"-addr=127.0.0.1:{door.port}")

    assert gone.status == 4
    assert "NOT_SERVING" in gone.out + gone.err


async def test_ghz_sends_a_load_by_reflection_and_every_call_is_answered(server: Serving) -> None:
    metadata = json.dumps({"authorization": f"Bearer {server.credentials[ACME]}"})
    options = ["--insecure", "--total=300", "--concurrency=8", "--connections=2", "--format=json"]

    said = await tool(
        "ghz", *options, f"--call={ROUTE}", f"--metadata={metadata}", '--data={"prompt": "hello"}', server.target
    )

    assert said.document["statusCodeDistribution"] == {"OK": 300}


async def test_ghz_counts_refusals_by_their_code(server: Serving) -> None:
    said = await tool(
        "ghz", "--insecure", "--total=50", "--concurrency=4", "--format=json", f"--call={ROUTE}",
        '--data={"prompt": "hello"}', server.target,
    )  # fmt: skip

    assert said.document["statusCodeDistribution"] == {"Unauthenticated": 50}
