"""Hostile headers, by hand-made HTTP/2: they reach no log unescaped, no answer, and no other caller (F14)."""

from __future__ import annotations

import asyncio
import json
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from atp_grpc.pb.atp.v1 import route_service_pb2
from tests.faults.battery import report
from tests.faults.processes import server_process, write_config
from tests.rpc.door.probe import AS_ACME, Door, open_door
from tests.rpc.frames import Answer, Header, RawCaller, greeting, raw_caller
from tests.rpc.serving import ACME, key_for

OK, CANCELLED, INVALID, DEADLINE, EXHAUSTED, UNIMPLEMENTED, INTERNAL, UNAUTHENTICATED = 0, 1, 3, 4, 8, 12, 13, 16
ROUTE = b"/atp.v1.RouteService/Route"
HELLO = route_service_pb2.RouteRequest(prompt="hello").SerializeToString()
FORGED = b'x\r\n{"event":"call","code":"OK","forged":true}'
ANSI = b"\x1b[2J\x1b[31mgone"
TRACE = b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01"
LONGEST_LINE = 4_096

HEADERS: dict[str, tuple[list[Header], set[int]]] = {
    "a user agent of two lines": ([(b"user-agent", FORGED)], {OK}),
    "a user agent in colour": ([(b"user-agent", ANSI)], {OK}),
    "a user agent of a megabyte": ([(b"user-agent", b"u" * 1_000_000)], {EXHAUSTED}),
    "a trace of two lines": ([(b"traceparent", TRACE + b"\r\n" + FORGED)], {OK}),
    "a trace in colour": ([(b"traceparent", b"00-" + ANSI)], {OK}),
    "a trace with a long tail": ([(b"traceparent", TRACE + b"-" + b"x" * 9_000)], {OK}),
    "a trace state in colour": ([(b"traceparent", TRACE), (b"tracestate", ANSI)], {OK}),
    "two traces": ([(b"traceparent", TRACE), (b"traceparent", FORGED)], {OK}),
    "a status of its own": ([(b"grpc-status", b"0"), (b"grpc-message", FORGED)], {OK}),
    "a pushback of its own": ([(b"grpc-retry-pushback-ms", b"0")], {OK}),
    "details of its own": ([(b"grpc-status-details-bin", b"AAAA")], {OK}),
    "details that are no base64": ([(b"grpc-status-details-bin", b"!!!")], {INTERNAL}),
    "more attempts than anybody makes": ([(b"grpc-previous-rpc-attempts", b"4000000000")], {OK, INTERNAL}),
    "a negative attempt": ([(b"grpc-previous-rpc-attempts", b"-5")], {INTERNAL}),
    "a deadline in words": ([(b"grpc-timeout", b"soon")], {INTERNAL}),
    "a negative deadline": ([(b"grpc-timeout", b"-1S")], {INTERNAL}),
    "a deadline of eleven thousand years": ([(b"grpc-timeout", b"99999999H")], {OK}),
    "a deadline of nothing": ([(b"grpc-timeout", b"0n")], {DEADLINE}),
    "an unknown compression": ([(b"grpc-encoding", ANSI)], {INTERNAL}),
    "other keys that gRPC keeps for itself": (
        [
            (b"grpc-trace-bin", b"AAAA"),
            (b"grpc-tags-bin", b"AAAA"),
            (b"lb-token", ANSI),
            (b"grpc-accept-encoding", ANSI),
        ],
        {OK},
    ),
    "a name in capitals": ([(b"X-Upper", b"y")], {INTERNAL}),
    "a name in colour": ([(b"x" + ANSI, b"y")], {INTERNAL}),
    "another host": ([(b"host", FORGED)], {OK}),
    "thousands of names": ([(b"x-%d" % number, b"v" * 50) for number in range(3_000)], {EXHAUSTED}),
}
CREDENTIALS: dict[str, bytes] = {
    "of two lines": b"Bearer atp_acme\r\n" + FORGED,
    "in colour": b"Bearer " + ANSI,
    "with a zero": b"Bearer atp_acme\x00",
    "that is no UTF-8": b"Bearer \xff\xfe",
    "beyond ASCII": "Bearer schlüssel".encode(),
    "of nearly all metadata": b"Bearer " + b"k" * 12_000,
    "around a good one": b"  Bearer atp_acme",
}
PATHS: dict[str, tuple[bytes, int]] = {
    "of two lines": (ROUTE + b"\r\n" + FORGED, UNIMPLEMENTED),
    "in colour": (b"/" + ANSI + b"/x", UNIMPLEMENTED),
    "with a zero": (ROUTE + b"\x00", UNIMPLEMENTED),
    "beyond ASCII": ("/é/\u202eü".encode(), UNIMPLEMENTED),
    "that is no UTF-8": (b"/\xff\xfe/x", CANCELLED),
    "that is empty": (b"", UNIMPLEMENTED),
    "without a slash": (b"x", UNIMPLEMENTED),
    "of ten thousand characters": (b"/" + b"p" * 10_000, UNIMPLEMENTED),
    "with a query": (ROUTE + b"?admin=1", UNIMPLEMENTED),
    "with dots": (b"/atp.v1.RouteService/../Route", UNIMPLEMENTED),
}


@pytest.fixture
async def hostile(door: Door) -> AsyncIterator[RawCaller]:
    """A connection whose limits are settled: the core holds a caller to them once it has acknowledged them."""
    async with raw_caller(door.port) as caller:
        assert (await caller.call(ROUTE, [(b"authorization", b"Bearer atp_acme")], HELLO)).code == OK
        yield caller


@pytest.fixture(autouse=True)
async def the_log_is_lines_of_json_and_others_are_served(door: Door) -> AsyncIterator[None]:
    yield
    hello = route_service_pb2.RouteRequest(prompt="hello")
    assert (await door.route(hello, metadata=AS_ACME)).policy == "acme"
    check_log(door.text())


def check_log(text: str) -> None:
    """Every line is one bounded JSON object in printable ASCII; no caller made one."""
    assert all(" " <= sign <= "~" or sign == "\n" for sign in text)
    for line in text.splitlines():
        entry = json.loads(line)
        assert "forged" not in entry
        assert len(line) <= LONGEST_LINE


def check_answer(answer: Answer) -> None:
    """Nothing of the request comes back as a header, and the status is the server's own."""
    message = answer.headers.get(b"grpc-message", b"")
    assert b"forged" not in message
    assert not {b"user-agent", b"host", b"lb-token"} & answer.headers.keys()
    for name, value in answer.headers.items():
        assert name.endswith(b"-bin") or not {b"\r"[0], b"\n"[0]} & set(value)


@pytest.mark.parametrize("name", HEADERS)
async def test_hostile_headers_are_harmless(hostile: RawCaller, name: str) -> None:
    headers, codes = HEADERS[name]

    answer = await hostile.call(ROUTE, [(b"authorization", b"Bearer atp_acme"), *headers], HELLO)

    assert answer.code in codes, answer
    assert answer.code != OK or (answer.data and b"grpc-retry-pushback-ms" not in answer.headers)
    check_answer(answer)


@pytest.mark.parametrize("name", CREDENTIALS)
async def test_a_hostile_credential_is_refused_like_any_other(hostile: RawCaller, name: str) -> None:
    answer = await hostile.call(ROUTE, [(b"authorization", CREDENTIALS[name])], HELLO)

    assert answer.code == UNAUTHENTICATED
    assert answer.headers[b"grpc-message"].startswith(b"a valid credential is needed")
    check_answer(answer)


@pytest.mark.parametrize("name", PATHS)
async def test_a_hostile_path_is_no_method(hostile: RawCaller, name: str) -> None:
    path, code = PATHS[name]

    answer = await hostile.call(path, [(b"authorization", b"Bearer atp_acme")], HELLO)

    assert answer.code == code, answer
    check_answer(answer)


async def test_a_path_that_is_no_utf8_costs_nobody_anything_but_the_names_of_unknown_methods(
    door: Door, hostile: RawCaller
) -> None:
    """The asyncio server of grpcio shuts down at the first such path."""
    good = [(b"authorization", b"Bearer atp_acme")]
    first = await hostile.call(b"/\xff\xfe/x", good, HELLO)
    second = await hostile.call(b"/\xff\xfe/x", good, HELLO)
    unknown = await hostile.call(b"/atp.v1.RouteService/Nope", good, HELLO)

    assert [first.code, second.code, unknown.code] == [CANCELLED, UNIMPLEMENTED, UNIMPLEMENTED]
    assert (await hostile.call(ROUTE, good, HELLO)).code == OK
    async with raw_caller(door.port) as another:
        assert (await another.call(ROUTE, good, HELLO)).code == OK
    assert [line["level"] for line in door.lines("library") if "no UTF-8" in line["sentence"]] == ["warning"]


async def test_after_such_a_path_the_server_still_ends_in_order() -> None:
    async with open_door() as door:
        async with raw_caller(door.port) as caller:
            await caller.call(b"/\xff", [], HELLO)
        drained = await asyncio.wait_for(door.server.drain(delay_seconds=0.0, grace_seconds=0.5), 5)
    assert not drained.cut


async def test_a_path_is_logged_escaped_and_cut(door: Door, hostile: RawCaller) -> None:
    await hostile.call(b"/\x1b[31m" + b"p" * 9_000, [], HELLO)

    [line] = [line for line in door.lines() if line["code"] == "UNIMPLEMENTED"]
    assert line["method"].startswith("/\x1b[31mppp")
    assert len(line["method"]) <= 515


async def test_metadata_of_a_caller_that_never_acknowledged_the_limit_is_refused_at_the_door(door: Door) -> None:
    async with raw_caller(door.port) as caller:
        answer = await caller.call(ROUTE, [(b"authorization", b"Bearer atp_acme"), (b"x", b"n" * 200_000)], HELLO)

    assert answer.code == INVALID
    assert answer.headers[b"grpc-message"].startswith(b"the metadata has 200")
    assert door.probe.calls == []


async def test_the_trace_of_a_hostile_header_is_one_of_ours(door: Door, hostile: RawCaller) -> None:
    for value in (FORGED, ANSI, TRACE.upper(), TRACE + b"\n"):
        await hostile.call(ROUTE, [(b"authorization", b"Bearer atp_acme"), (b"traceparent", value)], HELLO)

    for line in door.lines():
        assert len(line["trace_id"]) == 32
        assert set(line["trace_id"]) <= set("0123456789abcdef")


@pytest.fixture
def sockets() -> Iterator[Path]:
    """A folder with a short name: the path of a socket has room for 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="atp-") as folder:
        yield Path(folder)


async def test_a_peer_with_a_hostile_name_is_logged_escaped(tmp_path: Path, sockets: Path) -> None:
    """A caller on a Unix socket names itself by the path that it bound."""
    data_dir = tmp_path / "data"
    credential, key = key_for(data_dir, ACME)
    config, served = write_config(tmp_path / "atp.toml", key), sockets / "atp.sock"
    config.write_text(config.read_text().replace("[server]\n", f'[server]\nunix_socket = "{served}"\n'))
    log = tmp_path / "server.log"
    async with server_process(data_dir, config) as process:
        with socket.socket(socket.AF_UNIX) as evil:
            evil.bind(str(sockets / 'e\n{"event":"call","forged":1}\x1b[31m'))
            evil.connect(str(served))
            evil.setblocking(False)
            reader, writer = await asyncio.open_unix_connection(sock=evil)
            async with greeting(reader, writer) as caller:
                headers = [(b"authorization", b"Bearer " + credential.encode())]
                assert (await caller.call(ROUTE, headers, HELLO)).code == OK
        assert await process.stop() == 0

    check_log(log.read_text())
    [line] = [line for line in map(json.loads, log.read_text().splitlines()) if line["event"] == "call"]
    assert line["peer"].startswith("unix:")


async def test_what_a_real_server_writes_stays_lines_of_json_whatever_comes(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    credential, key = key_for(data_dir, ACME)
    good = (b"authorization", b"Bearer " + credential.encode())
    requests: list[tuple[bytes, list[Header]]] = [
        *((ROUTE, [good, *headers]) for headers, _ in HEADERS.values()),
        *((ROUTE, [(b"authorization", value)]) for value in CREDENTIALS.values()),
        *((path, [good]) for path, _ in PATHS.values()),
    ]
    async with server_process(data_dir, write_config(tmp_path / "atp.toml", key)) as process:
        port = int(process.target.rpartition(":")[2])
        for path, headers in requests:
            async with raw_caller(port) as caller:
                await caller.call(path, headers, HELLO)
        async with raw_caller(port) as caller:
            assert (await caller.call(ROUTE, [good], HELLO)).code == OK
        assert await process.stop() == 0

    text = (tmp_path / "server.log").read_text()
    is_clean = True
    try:
        check_log(text)
    except (AssertionError, ValueError):
        is_clean = False
    report(
        "F14",
        n=len(requests),
        figure={"lines": len(text.splitlines()), "all JSON, printable, bounded": is_clean},
        bar="escaped, truncated",
        passed=is_clean,
    )
    check_log(text)
