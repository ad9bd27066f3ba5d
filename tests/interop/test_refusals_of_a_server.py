"""Refusals of a whole server, and of what stands before and around it, met by clients in Python and in Go.

Attempts are counted by the lines that the server's log holds for the call's trace: the one place that also sees calls
which never reach a servicer.
"""

from __future__ import annotations

import io
import json
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from atp_grpc.client.messages import (
    GetModelRequest,
    ListModelsRequest,
    ObserveRequest,
    ReloadCatalogRequest,
    RouteRequest,
)
from atp_grpc.config import AuthSettings
from atp_grpc.domain.tenant import Permission
from tests.interop.built import need
from tests.interop.callers import Asked, Caller, Ended, go_caller, python_caller
from tests.rpc.serving import ACME, GLOBEX, key_for, serving
from tests.rpc.waiting import eventually

OBSERVE = "/atp.v1.ObserveService/Observe"
CATALOG = "/atp.admin.v1.CatalogService"
OPERATIONS = "/atp.admin.v1.OperationsService"
LANGUAGES = ("python", "go")


@dataclass(frozen=True)
class Case:
    """A call that a server refuses, and what its caller must see."""

    method: str
    payload: bytes
    code: str
    reason: str
    attempts: int = 1
    tenant: str = ACME


def route(**fields: Any) -> bytes:
    return RouteRequest(**fields).SerializeToString()


CASES = [
    Case("/atp.v1.RouteService/Route", b"\xff\xff\xff", "INVALID_ARGUMENT", "MALFORMED_MESSAGE"),
    Case("/atp.v1.RouteService/Route", b"", "INVALID_ARGUMENT", "INVALID_FIELD"),
    Case("/atp.v1.RouteService/Route", route(prompt="x" * 1_200_000), "INVALID_ARGUMENT", "MESSAGE_TOO_LARGE"),
    Case("/atp.v1.RouteService/Route", route(prompt="hello"), "UNAUTHENTICATED", "CREDENTIAL_REFUSED", tenant=""),
    Case(OBSERVE, b"", "PERMISSION_DENIED", "PERMISSION_DENIED", tenant=GLOBEX),
    Case(
        "/atp.v1.RouteService/Route",
        route(prompt="hello", constraints={"max_cost_nano_usd": 0}),
        "FAILED_PRECONDITION",
        "NO_ELIGIBLE_MODEL",
    ),
    Case(
        "/atp.v1.RouteService/Route", route(prompt="hello", min_revision=99), "UNAVAILABLE", "REVISION_NOT_REACHED", 4
    ),
    Case(
        OBSERVE,
        ObserveRequest(feedback_token=b"forged", quality=1.0).SerializeToString(),
        "INVALID_ARGUMENT",
        "TOKEN_INVALID",
    ),
    Case(
        OBSERVE,
        ObserveRequest(decision_id="never-was", quality=1.0).SerializeToString(),
        "NOT_FOUND",
        "DECISION_NOT_FOUND",
    ),
    Case(f"{CATALOG}/GetModel", GetModelRequest(name="ghost").SerializeToString(), "NOT_FOUND", "RESOURCE_NOT_FOUND"),
    Case(
        f"{CATALOG}/ListModels",
        ListModelsRequest(page_token="forged").SerializeToString(),
        "INVALID_ARGUMENT",
        "PAGE_TOKEN_INVALID",
    ),
    Case(
        f"{OPERATIONS}/ReloadCatalog",
        ReloadCatalogRequest(instance_id="another").SerializeToString(),
        "FAILED_PRECONDITION",
        "INSTANCE_MISMATCH",
    ),
]


@dataclass(frozen=True)
class Desk:
    """A server whose log is read, and a way to call it from one language."""

    target: str
    credentials: dict[str, str]
    log: io.StringIO
    refuse_everything: Callable[[], None]
    caller: Caller

    async def call(
        self, number: int, *, metadata: Mapping[str, str] = MappingProxyType({}), tenant: str = ACME, **fields: Any
    ) -> Ended:
        """Makes a call under a trace of its own."""
        sent = {"traceparent": f"00-{number:032x}-00000000000000ff-01", **metadata}
        if tenant:
            sent["authorization"] = f"Bearer {self.credentials[tenant]}"
        return await self.caller.call(Asked(target=self.target, metadata=sent, **fields))

    async def calls(self) -> list[dict[str, Any]]:
        """The lines that calls have left in the log so far."""
        lines = map(json.loads, self.log.getvalue().splitlines())
        return [line for line in lines if line["event"] == "call"]

    async def attempts(self, number: int, expected: int) -> int:
        """How often the server saw the call; waits for the log, which is written behind, to hold what is expected."""

        async def look() -> int:
            return sum(line["trace_id"] == f"{number:032x}" for line in await self.calls())

        return await eventually(look, is_it=lambda seen: seen >= expected)


@pytest.fixture(params=LANGUAGES)
async def desk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Desk]:
    log = io.StringIO()
    acme, acme_key = key_for(tmp_path, ACME)
    globex, globex_key = key_for(tmp_path, GLOBEX, (Permission.ROUTE,))
    async with AsyncExitStack() as stack:
        caller = python_caller() if request.param == "python" else go_caller(*need("go-caller"))
        server = await stack.enter_async_context(
            serving(tmp_path, log_stream=log, auth=AuthSettings((acme_key, globex_key)))
        )
        yield Desk(
            server.target,
            {ACME: acme, GLOBEX: globex},
            log,
            lambda: setattr(server.app.door.traffic, "is_refusing", True),
            await stack.enter_async_context(caller),
        )


async def test_every_refusal_of_a_server_is_seen_as_it_is_and_tried_as_often_as_it_should(desk: Desk) -> None:
    for number, case in enumerate(CASES, start=1):
        ended = await desk.call(number, method=case.method, payload=case.payload, tenant=case.tenant)

        assert (ended.code, ended.reason, ended.domain) == (case.code, case.reason, "atp.dev")
        assert await desk.attempts(number, case.attempts) == case.attempts, case.reason


async def test_a_server_on_its_way_out_is_tried_again_and_never_for_ever(desk: Desk) -> None:
    desk.refuse_everything()

    ended = await desk.call(1, payload=route(prompt="hello"))

    assert (ended.code, ended.reason) == ("UNAVAILABLE", "DRAINING")
    assert await desk.attempts(1, 4) == 4


async def test_a_method_that_does_not_exist_is_asked_for_once(desk: Desk) -> None:
    ended = await desk.call(1, method="/atp.v1.RouteService/Teleport", payload=b"")

    assert (ended.code, ended.reason) == ("UNIMPLEMENTED", "METHOD_UNKNOWN")
    # Its line belongs to no trace.
    await eventually(desk.calls, is_it=lambda lines: len(lines) >= 1)
    assert [line["method"] for line in await desk.calls()] == ["/atp.v1.RouteService/Teleport"]


async def test_what_grpc_itself_refuses_ends_at_once_and_is_not_tried_again(desk: Desk) -> None:
    fat_metadata: dict[str, Any] = {"payload": b"", "metadata": {"x-fat": "x" * 60_000}}
    fat_message: dict[str, Any] = {"payload": b"x" * (16 * 1024 * 1024 + 1)}

    for number, fields in enumerate((fat_metadata, fat_message), start=1):
        ended = await desk.call(number, **fields)

        # Python lets the server refuse the metadata; Go knows the server's limit and refuses by itself, as INTERNAL.
        assert ended.code in {"RESOURCE_EXHAUSTED", "INTERNAL"}
        assert ended.reason == ""
        assert ended.took_seconds < 5.0
    await desk.call(3, payload=b"")
    assert await desk.attempts(3, 1) == 1
    assert [await desk.attempts(number, 0) <= 1 for number in (1, 2)] == [True, True]


async def test_where_nobody_listens_a_call_ends_unavailable_before_its_deadline(desk: Desk) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        call = Asked(target=f"127.0.0.1:{held.getsockname()[1]}", payload=route(prompt="hello"), channel="nobody")

        ended = await desk.caller.call(call)

    assert ended.code == "UNAVAILABLE"
    assert ended.took_seconds < call.seconds
