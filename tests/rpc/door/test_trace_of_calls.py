"""What a call leaves behind: one line and one sample, whatever its caller sends."""

import json

from prometheus_client import generate_latest

from atp_grpc.pb.atp.v1 import route_service_pb2
from tests.rpc.door.probe import AS_ACME, AS_GLOBEX, Door, open_door, refused, status_of

HELLO = route_service_pb2.RouteRequest(prompt="hello, do not log me")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


async def test_a_good_call_leaves_one_line_that_says_who_what_and_how_long(door: Door) -> None:
    await door.route(HELLO, metadata=(*AS_ACME, ("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01")))

    [line] = door.lines()
    assert line["level"] == "info"
    assert line["method"] == "atp.v1.RouteService/Route"
    assert line["code"] == "OK"
    assert (line["tenant"], line["key_id"]) == ("acme", "key-1")
    assert line["trace_id"] == TRACE
    assert line["peer"].startswith("ipv4:127.0.0.1:")
    assert 0 < line["duration_ms"] < 5_000
    assert "reason" not in line
    assert door.probe.calls[0].trace_id == TRACE


async def test_a_refused_call_leaves_a_warning_with_its_reason(door: Door) -> None:
    await refused(door.route(HELLO, metadata=AS_GLOBEX))

    [line] = door.lines()
    assert (line["level"], line["code"], line["reason"]) == ("warning", "PERMISSION_DENIED", "PERMISSION_DENIED")
    assert line["tenant"] == "globex"


async def test_an_anonymous_call_leaves_no_tenant(door: Door) -> None:
    await refused(door.route(HELLO))

    [line] = door.lines()
    assert line["reason"] == "CREDENTIAL_REFUSED"
    assert "tenant" not in line
    assert len(line["trace_id"]) == 32


async def test_a_trace_that_is_none_is_replaced(door: Door) -> None:
    await door.route(HELLO, metadata=(*AS_ACME, ("traceparent", "00-" + "0" * 32 + "-00f067aa0ba902b7-01")))
    await door.route(HELLO, metadata=(*AS_ACME, ("traceparent", 'x","level":"error')))

    traces = {line["trace_id"] for line in door.lines()}
    assert len(traces) == 2
    assert all(len(trace) == 32 and int(trace, 16) for trace in traces)


async def test_a_call_to_no_method_keeps_its_callers_trace(door: Door) -> None:
    error = await refused(
        door.raw("/no.Such/Method")(b"x", metadata=(("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01"),))
    )

    [line] = door.lines()
    assert (line["trace_id"], line["reason"]) == (TRACE, "METHOD_UNKNOWN")
    assert any(detail.value.endswith(TRACE.encode()) for detail in status_of(error).details)


async def test_nothing_a_caller_sends_can_forge_a_line_or_steer_a_terminal(door: Door) -> None:
    await refused(door.raw('/evil\r\n{"event":"call"}\x1b[31m\x7f')(b"x"))
    await refused(door.raw("/" + "long" * 500)(b"x"))

    text = door.text()
    assert text.count("\n") == 2
    assert text.isascii()
    assert all(character.isprintable() or character == "\n" for character in text)
    lines = [json.loads(line) for line in text.splitlines()]
    assert lines[0]["event"] == "call"
    assert len(lines[1]["method"]) < 600


async def test_neither_the_prompt_nor_the_credential_is_logged(door: Door) -> None:
    await door.route(HELLO, metadata=AS_ACME)
    await refused(door.route(HELLO, metadata=(("authorization", "Bearer atp_canary"),)))
    await refused(door.route(route_service_pb2.RouteRequest(request_id="canary !"), metadata=AS_ACME))

    for word in ("do not log me", "atp_acme", "canary"):
        assert word not in door.text()


async def test_good_calls_are_sampled_and_failures_never() -> None:
    async with open_door(success_logs_per_second=0.001) as door:
        for _ in range(20):
            await door.route(HELLO, metadata=AS_ACME)
            await refused(door.route(HELLO))

        codes = [line["code"] for line in door.lines()]
    assert codes.count("OK") == 1
    assert codes.count("UNAUTHENTICATED") == 20


async def test_every_call_is_one_sample_under_its_method_and_code(door: Door) -> None:
    await door.route(HELLO, metadata=AS_ACME)
    await door.route(HELLO, metadata=AS_ACME)
    await refused(door.route(HELLO))
    await refused(door.raw("/made/up")(b""))

    scraped = generate_latest(door.metrics.registry).decode()
    route = 'grpc_method="Route",grpc_service="atp.v1.RouteService",grpc_type="unary"'
    unknown = 'grpc_code="Unimplemented",grpc_method="unknown",grpc_service="unknown",grpc_type="unary"'
    handled = {
        line for line in scraped.splitlines() if line.startswith("grpc_server_handled_total") and "} 0.0" not in line
    }
    assert handled == {
        f'grpc_server_handled_total{{grpc_code="OK",{route}}} 2.0',
        f'grpc_server_handled_total{{grpc_code="Unauthenticated",{route}}} 1.0',
        f"grpc_server_handled_total{{{unknown}}} 1.0",
    }
    assert f"grpc_server_handling_seconds_count{{{route}}} 3.0" in scraped
    assert "/up" not in scraped


async def test_the_attempt_of_a_retried_call_reaches_the_handler(door: Door) -> None:
    await door.route(HELLO, metadata=AS_ACME)

    assert door.probe.calls[0].attempt == 0
