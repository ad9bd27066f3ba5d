"""CPU of an Ask beside two gateways that carry calls out, all in front of one upstream that answers at once.

ATP is asked over gRPC, the gateways over HTTP, sixteen calls in flight, in interleaved rounds; what counts is the CPU
of each server, the upstream's and the load's not among it. A gateway that is not installed (`make gateways`) is left
out. In ATP everything is on: credential, validation, decision, breaker, limiter, retry budget, the bill made durable,
log line and metrics.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from atp_grpc.pb.atp.v1 import ask_service_pb2 as pb
from tests.bench import http_load, load
from tests.bench.ask_world import ANSWERING_MODEL, Gateway, ask_server, gateways, instant_upstream
from tests.bench.load import LoadError
from tests.bench.messages import PROMPT
from tests.bench.processes import cpu_seconds

ASK, STREAM = "/atp.v1.AskService/Ask", "/atp.v1.AskService/AskStream"
ROUNDS, CALLS, GATEWAY_CALLS, WARM_CALLS = 7, 3_000, 300, 200
IN_FLIGHT = 16


def rows() -> list[dict[str, object]]:
    """`ask.unary` and `ask.stream`: milliseconds of CPU per Ask, the gateways beside it."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        home = Path(folder)
        upstream = stack.enter_context(instant_upstream(home))
        atp = stack.enter_context(ask_server(home, upstream))
        peers = stack.enter_context(gateways(home, upstream))
        kinds = {"ask.unary": False, "ask.stream": True}
        return [row for name, streams in kinds.items() for row in _measured(name, atp, peers, is_streamed=streams)]


def _measured(name: str, atp: Gateway, installed: list[Gateway], *, is_streamed: bool) -> list[dict[str, object]]:
    request = pb.AskRequest(prompt=PROMPT, constraints={"allowed_models": [ANSWERING_MODEL]})
    method = STREAM if is_streamed else ASK
    body = (pb.AskStreamRequest(request=request) if is_streamed else request).SerializeToString()
    asked = http_load.chat_completion(PROMPT, is_streamed=is_streamed)

    def drive(server: Gateway, calls: int) -> None:
        if server is atp:
            load.drive(atp.port, method, body, calls=calls, credential=atp.credential, in_flight=IN_FLIGHT)
        else:
            http_load.drive(server.url, asked, calls=calls, headers=server.headers, in_flight=IN_FLIGHT)

    peers = [one for one in installed if _answers(one, asked, name)]
    millis: dict[str, list[float]] = {server.name: [] for server in (atp, *peers)}
    for server in (atp, *peers):
        drive(server, WARM_CALLS)
    for _ in range(ROUNDS):
        for server in (atp, *peers):
            calls = CALLS if server is atp else GATEWAY_CALLS
            before = cpu_seconds(server.pid)
            drive(server, calls)
            millis[server.name].append((cpu_seconds(server.pid) - before) / calls * 1e3)
    own = statistics.median(millis[atp.name])
    note = f"make bench ONLY=ask. ({load.generator()}, {IN_FLIGHT} in flight)"
    plain = {"name": name, "value": own, "unit": "ms CPU per Ask", "n": ROUNDS * CALLS, "command": note}
    if not installed:
        print("ask: no gateway is installed; run: make gateways", file=sys.stderr)
    if not peers:
        return [{**plain, "baseline": "none", "baseline_value": "", "ratio": ""}]
    return [
        {
            **plain,
            "name": f"{name}.{peer.name}",
            "baseline": peer.name,
            "baseline_value": (theirs := statistics.median(millis[peer.name])),
            "ratio": own / theirs,
        }
        for peer in peers
    ]


def _answers(gateway: Gateway, asked: bytes, name: str) -> bool:
    """Whether a gateway carries such a call out at all; if not, that is said."""
    try:
        http_load.drive(gateway.url, asked, calls=1, headers=gateway.headers, in_flight=1)
    except LoadError:
        print(f"{name}: {gateway.name} answers with an error, and is left out", file=sys.stderr)
        return False
    return True
