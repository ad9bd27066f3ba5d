"""E1: mutated messages over every method, on a real socket: no crash, INTERNAL, UNKNOWN, hang or NaN learned.

A message to a unary method is a call of its own; messages to a stream are sent hundreds at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from atp_grpc.client import messages as m
from atp_grpc.pb.atp.admin.v1 import catalog_service_pb2, operations_service_pb2, policy_service_pb2
from atp_grpc.pb.atp.v1 import ask_service_pb2, decision_service_pb2, observe_service_pb2, route_service_pb2
from tests.faults.battery import report
from tests.faults.scrambling import mutated, scrambled
from tests.faults.specimens import ASK_STREAM, specimens
from tests.rpc.serving import ACME, Serving, serving
from tests.rpc.streams.talking import OBSERVE_STREAM, ROUTE_STREAM, talk

CALLERS, TALKERS = 32, 4
BURST, STREAM_SHARE, SCRAMBLED = 200, 0.6, 0.6
STREAMS = {ROUTE_STREAM, OBSERVE_STREAM}
CONTRACTS = (
    ask_service_pb2,
    route_service_pb2,
    observe_service_pb2,
    decision_service_pb2,
    catalog_service_pb2,
    operations_service_pb2,
    policy_service_pb2,
)
NEVER = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DEADLINE_EXCEEDED}


def one_like(good: Message, chance: random.Random) -> bytes:
    return scrambled(good, chance) if chance.random() < SCRAMBLED else mutated(good.SerializeToString(), chance)


@dataclass
class Storm:
    """Mutated messages on their way to one server, and how often each answer came."""

    server: Serving
    statuses: Counter[str]
    chance: random.Random

    async def strike(self, count: int) -> None:
        """Sends so many messages. Every refusal must carry one ErrorInfo of ours."""
        decision = await self.server.acme.route(m.RouteRequest(prompt="hello"))
        unary: list[tuple[str, Message]] = []
        streamed: list[tuple[str, Message]] = []
        for path, good in specimens(decision.feedback_token, decision.decision_id).items():
            (streamed if path in STREAMS else unary).extend((path, message) for message in good)
        to_streams = round(count * STREAM_SHARE)
        calls, bursts = iter(range(count - to_streams)), iter(range(to_streams // BURST))
        async with grpc.aio.insecure_channel(self.server.target) as channel:
            methods = {path: channel.unary_unary(path) for path, _ in unary}
            methods[ASK_STREAM] = channel.unary_stream(ASK_STREAM)

            async def caller() -> None:
                for _ in calls:
                    path, good = self.chance.choice(unary)
                    await self._call(path, methods[path], one_like(good, self.chance))

            async def talker() -> None:
                for _ in bursts:
                    await self._talk(channel, streamed)

            await asyncio.gather(*(caller() for _ in range(CALLERS)), *(talker() for _ in range(TALKERS)))

    async def _call(self, path: str, method: Any, body: bytes) -> None:
        call = method(body, metadata=self._metadata(), timeout=20)
        if path == ASK_STREAM:
            with contextlib.suppress(grpc.aio.AioRpcError):
                async for _ in call:
                    pass
        if (code := await call.code()) is grpc.StatusCode.OK:
            self.statuses["OK"] += 1
            return
        assert code not in NEVER, f"{path} {body!r}: {await call.details()}"
        details = dict(await call.trailing_metadata())["grpc-status-details-bin"]
        self._note(status_pb2.Status.FromString(details), f"{path} {body!r}")

    async def _talk(self, channel: grpc.aio.Channel, originals: list[tuple[str, Message]]) -> None:
        """One stream with a burst of messages; it must end well, whatever they were."""
        path = self.chance.choice(originals)[0]
        good = [message for other, message in originals if other == path]
        bodies = [one_like(self.chance.choice(good), self.chance) for _ in range(BURST)]
        heard = await talk(channel, path, self.server.credentials[ACME], timeout=60).say_and_finish(bodies)
        assert heard.code is grpc.StatusCode.OK, heard.details
        assert heard.end is not None
        assert heard.end.last_sequence == BURST
        answered = len(heard.events) if path == ROUTE_STREAM else heard.events[-1].ack.last_sequence
        assert answered == BURST
        refused = [
            (event.result.sequence, event.result.error)
            for event in (heard.events if path == ROUTE_STREAM else ())
            if event.result.HasField("error")
        ]
        refused += [
            (failure.sequence, failure.error)
            for event in (heard.events if path == OBSERVE_STREAM else ())
            for failure in event.ack.failures
        ]
        for sequence, status in refused:
            self._note(status, f"{path} {bodies[sequence - 1]!r}")
        self.statuses["OK"] += BURST - len(refused)

    def _note(self, status: status_pb2.Status, message: str) -> None:
        code = next(code for code in grpc.StatusCode if code.value[0] == status.code)
        assert code not in NEVER, f"{message}: {status.message}"
        info = error_details_pb2.ErrorInfo()
        assert status.details[0].Unpack(info), message
        assert info.reason, message
        self.statuses[f"{code.name} {info.reason}"] += 1

    def _metadata(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.server.credentials[ACME]}"),)


async def survive(tmp_path: Path, count: int) -> None:
    with (tmp_path / "server.log").open("w") as log:
        async with serving(tmp_path / "data", log_stream=log) as server:
            storm = Storm(server, Counter(), random.Random(11))
            await storm.strike(count)
            figure = dict(storm.statuses.most_common())
            report("E1", n=storm.statuses.total(), figure=figure, bar=sorted(code.name for code in NEVER), passed=True)
            assert storm.statuses.total() == count
            assert len(storm.statuses) > 4, "mutations that reach only one answer try nothing"
            info = await server.acme.get_server_info(m.GetServerInfoRequest())
            for arm in info.engine.arms:
                assert all(map(math.isfinite, (arm.quality, arm.output_tokens, arm.latency_seconds, arm.failure_rate)))
            assert (await server.acme.route(m.RouteRequest(prompt="still there?"))).decision_id
    assert '"event":"incident"' not in (tmp_path / "server.log").read_text()


def test_every_method_of_the_contract_has_a_specimen() -> None:
    served = {
        f"/{service.full_name}/{method.name}"
        for contract in CONTRACTS
        for service in contract.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }
    assert set(specimens(b"t", "d")) == served


@pytest.mark.timeout(120)
async def test_ten_thousand_mutated_messages_get_a_clear_answer_each(tmp_path: Path) -> None:
    await survive(tmp_path, 10_000)


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_a_million_mutated_messages_get_a_clear_answer_each(tmp_path: Path) -> None:
    await survive(tmp_path, 1_000_000)
