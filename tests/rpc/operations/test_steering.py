"""Breakers and flags over a socket: shown, forced, switched, and only in the process that is meant."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from atp_grpc.client import AtpCallError
from atp_grpc.client.messages import (
    AskRequest,
    DeploymentHealth,
    ForceBreakerRequest,
    ListDeploymentHealthRequest,
    ListFlagsRequest,
    RouteRequest,
    SetFlagRequest,
)
from atp_grpc.domain.flags import Flag
from atp_grpc.pb.atp.admin.v1 import deployment_health_pb2 as pb
from tests.rpc.operations.serving import breakable, fault, inject
from tests.rpc.serving import Serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

ASK = AskRequest(prompt="What is 2 + 2?")


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="server")
async def one_for_all(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Serving]:
    async with breakable(tmp_path_factory.mktemp("steering") / "data") as running:
        yield running


async def health_of(server: Serving) -> dict[str, DeploymentHealth]:
    response = await server.acme.operations.list_deployment_health(ListDeploymentHealthRequest())
    assert response.instance_id == server.app.rooms.instance_id
    return {one.deployment: one for one in response.deployments}


async def force(server: Serving, deployment: str, mode: str, **fields: str) -> DeploymentHealth:
    request = ForceBreakerRequest(deployment=deployment, mode=f"BREAKER_MODE_{mode}", **fields)
    return (await server.acme.operations.force_breaker(request)).deployment


async def switch(server: Serving, name: str, *, on: bool, **fields: str) -> bool:
    return (await server.acme.operations.set_flag(SetFlagRequest(name=name, on=on, **fields))).flag.on


async def test_every_deployment_that_may_be_called_is_shown_with_its_outcomes(server: Serving) -> None:
    before = await health_of(server)
    assert list(before) == sorted(server.app.rooms.catalogue.snapshot.deployments)
    answered = (await server.acme.ask(ASK)).final.target.deployment
    after = await health_of(server)
    assert after[answered].total_succeeded == before[answered].total_succeeded + 1
    assert all(one.in_flight == 0 and one.concurrency_limit > 0 for one in after.values())
    assert {one.keys_ready for one in after.values()} == {1}


async def test_a_deployment_that_fails_is_left_alone_and_shown_so(server: Serving) -> None:
    name = (await server.acme.ask(ASK)).final.target.deployment
    await inject(server.acme, "PROVIDER", fault("PROVIDER", "CUT", deployment=name))
    request = AskRequest(prompt="Go on.", constraints={"allowed_models": [name.partition("@")[0]]})
    try:
        for _ in range(6):
            with pytest.raises(AtpCallError):
                await server.acme.ask(request)
        shown = (await health_of(server))[name]
        assert shown.total_failed["cut"] >= 5
        assert (shown.state, shown.mode) == (pb.BREAKER_STATE_OPEN, pb.BREAKER_MODE_AUTO)
        assert shown.open_until.ToNanoseconds() > server.app.rooms.clock.now_nanos()
    finally:
        await inject(server.acme, "PROVIDER")
        await force(server, name, "FORCED_CLOSED")
        await force(server, name, "AUTO")
    assert (await server.acme.ask(request)).final.target.deployment == name


async def test_a_breaker_is_forced_open_and_given_back(server: Serving) -> None:
    chosen = {name: one.model for name, one in (await health_of(server)).items()}
    model = (await server.acme.route(RouteRequest(prompt="hello"))).target.model
    names = [name for name, of in chosen.items() if of == model]
    only = RouteRequest(prompt="hello", constraints={"allowed_models": [model]})
    for name in names:
        shown = await force(server, name, "FORCED_OPEN")
        assert (shown.state, shown.mode) == (pb.BREAKER_STATE_OPEN, pb.BREAKER_MODE_FORCED_OPEN)
        assert not shown.HasField("open_until")
    with pytest.raises(AtpCallError) as caught:
        await server.acme.route(only)
    assert caught.value.code == "UNAVAILABLE"
    for name in names:
        assert (await force(server, name, "AUTO")).state == pb.BREAKER_STATE_CLOSED
    assert (await server.acme.route(only)).target.model == model


async def test_a_breaker_is_refused_to_the_wrong_process_and_for_no_deployment(server: Serving) -> None:
    with pytest.raises(AtpCallError) as caught:
        await force(server, "nowhere", "AUTO")
    assert (caught.value.reason, caught.value.code) == ("RESOURCE_NOT_FOUND", "NOT_FOUND")
    with pytest.raises(AtpCallError) as caught:
        await force(server, "nowhere", "AUTO", instance_id="another")
    assert caught.value.reason == "INSTANCE_MISMATCH"


async def test_flags_are_listed_by_name_with_what_they_switch(server: Serving) -> None:
    response = await server.acme.operations.list_flags(ListFlagsRequest())
    assert response.instance_id == server.app.rooms.instance_id
    assert [(flag.name, flag.on, flag.default_on) for flag in response.flags] == [
        (flag.value, True, True) for flag in sorted(Flag)
    ]
    assert all(flag.description for flag in response.flags)


async def test_ask_is_switched_off_and_on_and_routes_go_on(server: Serving) -> None:
    assert await switch(server, "ask", on=False) is False
    try:
        with pytest.raises(AtpCallError) as caught:
            await server.acme.ask(ASK)
        assert (caught.value.reason, caught.value.code) == ("FEATURE_OFF", "FAILED_PRECONDITION")
        assert caught.value.metadata == {"flag": "ask"}
        await server.acme.route(RouteRequest(prompt="hello"))
    finally:
        assert await switch(server, "ask", on=True) is True
    assert (await server.acme.ask(ASK)).text


async def test_breakers_are_switched_off_and_begin_anew(server: Serving) -> None:
    await switch(server, "breakers", on=False)
    assert {one.mode for one in (await health_of(server)).values()} == {pb.BREAKER_MODE_FORCED_CLOSED}
    await switch(server, "breakers", on=True)
    assert {one.mode for one in (await health_of(server)).values()} == {pb.BREAKER_MODE_AUTO}


async def test_a_flag_is_refused_to_the_wrong_process_and_for_no_feature(server: Serving) -> None:
    with pytest.raises(AtpCallError) as caught:
        await switch(server, "nothing", on=True)
    assert caught.value.reason == "RESOURCE_NOT_FOUND"
    with pytest.raises(AtpCallError) as caught:
        await switch(server, "ask", on=False, instance_id="another")
    assert caught.value.reason == "INSTANCE_MISMATCH"
    assert (await server.acme.ask(ASK)).text
