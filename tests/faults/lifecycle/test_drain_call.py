"""The Drain call takes a process out of service as a signal does: for who may, and for the process that is meant."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from atp_grpc.app.serving import OK
from atp_grpc.client import AtpClient, open_channel
from atp_grpc.client.messages import GetServerInfoRequest, RouteRequest
from atp_grpc.domain.tenant import Permission
from atp_grpc.pb.atp.admin.v1.operations_service_pb2 import DrainRequest
from atp_grpc.pb.atp.admin.v1.operations_service_pb2_grpc import OperationsServiceStub
from tests.faults.lifecycle.backend import Backend, free_ports, running, write_config
from tests.rpc.serving import ACME, GLOBEX, key_for


async def test_the_drain_call_ends_the_process_that_is_meant_as_a_signal_would(tmp_path: Path) -> None:
    acme, acme_key = key_for(tmp_path / "data", ACME)
    globex, globex_key = key_for(tmp_path / "data", GLOBEX, (Permission.ROUTE,))
    port, ops_port = free_ports(2)
    config = write_config(
        tmp_path / "atp.toml", acme_key, globex_key, drain_delay_seconds=1.0, shutdown_seconds=12.0, port=port
    )
    server = Backend(tmp_path / "data", config, port, ops_port)
    target = f"127.0.0.1:{port}"
    async with (
        running(server),
        AtpClient.open(target, credential=acme) as operator,
        open_channel(target, watches_health=False) as channel,
    ):
        info = await operator.get_server_info(GetServerInfoRequest())
        drain = OperationsServiceStub(channel).Drain
        route = channel.unary_unary("/atp.v1.RouteService/Route")
        as_acme, as_globex = ((("authorization", f"Bearer {key}"),) for key in (acme, globex))

        with pytest.raises(grpc.aio.AioRpcError) as forbidden:
            await drain(DrainRequest(instance_id=info.instance_id), metadata=as_globex)
        with pytest.raises(grpc.aio.AioRpcError) as mistaken:
            await drain(DrainRequest(instance_id="another"), metadata=as_acme)
        assert server.lines("draining") == []
        told = await drain(DrainRequest(instance_id=info.instance_id), metadata=as_acme)
        again = await drain(DrainRequest(instance_id=info.instance_id), metadata=as_acme)
        # Callers still get the time to leave that a signal gives them.
        await route(RouteRequest(prompt="hello").SerializeToString(), metadata=as_globex)
        code, _ = await server.end()
    assert forbidden.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert mistaken.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert told == again
    assert told.instance_id == info.instance_id
    assert told.ends_within.seconds == 12
    assert code == OK
    (line,) = server.lines("draining")
    assert line["cause"] == "the Drain call"
    (line,) = server.lines("drained")
    assert line["callers_left"]


async def test_a_signal_after_the_drain_call_forces_nothing(tmp_path: Path) -> None:
    acme, key = key_for(tmp_path / "data", ACME)
    port, ops_port = free_ports(2)
    server = Backend(tmp_path / "data", write_config(tmp_path / "atp.toml", key), port, ops_port)
    async with running(server), AtpClient.open(f"127.0.0.1:{port}", credential=acme) as operator:
        info = await operator.get_server_info(GetServerInfoRequest())
        async with open_channel(f"127.0.0.1:{port}", watches_health=False) as channel:
            drain = OperationsServiceStub(channel).Drain
            await drain(DrainRequest(instance_id=info.instance_id), metadata=(("authorization", f"Bearer {acme}"),))
        code, _ = await server.stop()
    assert code == OK
