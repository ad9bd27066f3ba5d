"""`atp ask` and `atp providers`: what they send, what they show, and how they end."""

from __future__ import annotations

import json
from typing import Any

import grpc
import pytest

from atp_grpc.cli.program import run
from atp_grpc.client import messages as m
from atp_grpc.domain.ask import AskEvent, CacheOutcome, Delta, Spent, Switch
from atp_grpc.domain.errors import AnswerCutError
from atp_grpc.domain.outcome import AttemptError
from atp_grpc.services.convert.answers import stream_event
from atp_grpc.services.status import rpc_status
from tests.unit.client.scripted_server import Scripted
from tests.unit.services.ask_stories import DECIDED, DEEP, FINAL, PLAIN, SWIFT, USAGE, text

BILL = "swift at acme · stop · 10 in, 3 out · $0.00000007 · first token 125 ms · total 250 ms"
CUT = AnswerCutError(target=SWIFT, error=AttemptError.CUT, total_characters=3, usage=USAGE, cost_nano_usd=70)
HEALTH = "/atp.admin.v1.OperationsService/ListDeploymentHealth"
FORCE = "/atp.admin.v1.OperationsService/ForceBreaker"


def told(*events: AskEvent) -> list[Any]:
    return [m.AskStreamResponse.FromString(stream_event(number, one)) for number, one in enumerate(events, start=1)]


@pytest.fixture
def answering(server: Scripted) -> Scripted:
    decision = m.RouteResponse(target=m.Target(model="swift", deployment="swift@acme", provider="acme"))
    server.events = told(DECIDED._replace(response=decision.SerializeToString()), *PLAIN[1:])
    return server


def test_the_answer_goes_to_the_output_and_all_about_it_beside(
    answering: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["ask", "hello"]) == 0

    captured = capsys.readouterr()
    assert captured.out == "Hello\n"
    assert captured.err.splitlines() == ["swift at acme", BILL]
    [call] = answering.received
    assert call.request == m.AskStreamRequest(request=m.AskRequest(prompt="hello", constraints={}))
    assert call.seconds_left > 60


def test_every_option_reaches_the_server(answering: Scripted) -> None:
    options = [
        "--system",
        "be brief",
        "--model",
        "swift",
        "--on-cut",
        "resume",
        "--max-cost-usd",
        "0.01",
        "--session",
        "s",
    ]
    more = ["--max-output-tokens", "9", "--policy", "p", "--request-id", "r-1", "--deadline", "7s"]

    assert run(["ask", "hello", *options, *more]) == 0

    [call] = answering.received
    asked = call.request.request
    assert [(turn.role, turn.parts[0].text) for turn in asked.conversation.messages] == [(1, "be brief"), (2, "hello")]
    assert (asked.constraints.allowed_models, asked.constraints.max_cost_nano_usd) == (["swift"], 10_000_000)
    assert (asked.on_cut, asked.max_output_tokens) == (m.OnCut.ON_CUT_RESUME, 9)
    assert (asked.policy, asked.session_id, asked.request_id) == ("p", "s", "r-1")
    assert call.seconds_left <= 7


def test_as_json_it_is_one_document(answering: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ask", "hello", "--json"]) == 0

    document = json.loads(capsys.readouterr().out)
    assert (document["text"], document["final"]["total_cost_nano_usd"]) == ("Hello", "70")
    assert document["decision"]["target"]["model"] == "swift"


def test_a_cut_answer_ends_with_status_one_and_says_what_was_billed(
    server: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    server.events = told(DECIDED, text("Hel", 3), Spent(USAGE, 70, is_estimated=False))
    server.refusals = [(grpc.StatusCode.ABORTED, rpc_status(CUT, "t"))]

    assert run(["ask", "hello"]) == 1

    captured = capsys.readouterr()
    assert captured.out == "Hel\n"
    assert "billed all the same: $0.00000007" in captured.err
    assert "the answer broke off; it is not complete (ANSWER_CUT)" in captured.err


def test_a_stream_that_ends_well_without_its_end_is_a_failure(server: Scripted) -> None:
    server.events = told(DECIDED, text("Hel", 3))
    assert run(["ask", "hello"]) == 1


def test_a_restart_is_said_and_begins_on_a_line_of_its_own(
    server: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    switch = Switch(SWIFT, DEEP, "cut", restarts=True)
    server.events = told(text("Hel", 3), switch, text("Bye", 3), FINAL)

    assert run(["ask", "hello", "--on-cut", "restart"]) == 0

    captured = capsys.readouterr()
    assert captured.out == "Hel\nBye\n"
    assert "swift at acme broke off (cut); deep at umbra begins anew; drop what stands above" in captured.err


def test_what_a_model_says_cannot_move_the_cursor(server: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    server.events = told(text("a\x1b[2J\tb\nc\r", 9), FINAL)

    assert run(["ask", "hello"]) == 0

    assert capsys.readouterr().out == "a\N{REPLACEMENT CHARACTER}[2J\tb\nc\N{REPLACEMENT CHARACTER}\n"


def test_tool_calls_attempts_estimates_and_the_cache_are_told(
    server: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    call = Delta(call_index=0, call_id="c", name="look_up", arguments='{"q": 1}')
    final = FINAL._replace(attempts=FINAL.attempts * 2, is_estimated=True, cache=CacheOutcome.STALE)
    server.events = told(call, final)

    assert run(["ask", "hello"]) == 0

    captured = capsys.readouterr()
    assert captured.out.strip() == 'look_up({"q": 1})'
    assert "2 attempts · about $0.00000007" in captured.err
    assert captured.err.endswith("from the cache (stale)\n")


def test_providers_lists_the_deployments(server: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    one = m.DeploymentHealth(
        deployment="swift@acme",
        model="swift",
        provider="acme",
        state="BREAKER_STATE_OPEN",
        mode="BREAKER_MODE_FORCED_OPEN",
        in_flight=2,
        concurrency_limit=8,
        total_succeeded=5,
        total_failed={"cut": 3, "timeout": 1},
        keys_ready=1,
        keys_resting=1,
    )
    one.first_token.FromMilliseconds(120)
    server.answers[HEALTH] = m.ListDeploymentHealthResponse(instance_id="i", deployments=[one])

    assert run(["providers"]) == 0

    header, row = (line.split("\t") for line in capsys.readouterr().out.splitlines())
    shown = dict(zip(header, row, strict=True))
    assert shown["breaker"] == "open"
    assert shown["by"] == "operator"
    assert shown["failed"] == "cut 3, timeout 1"
    assert shown["keys"] == "1 ready, 1 resting"
    assert shown["first token"] == "120 ms"


@pytest.mark.parametrize(
    ("action", "mode"),
    [("open", "BREAKER_MODE_FORCED_OPEN"), ("close", "BREAKER_MODE_FORCED_CLOSED"), ("auto", "BREAKER_MODE_AUTO")],
)
def test_a_breaker_is_forced_or_given_back(
    server: Scripted, capsys: pytest.CaptureFixture[str], action: str, mode: str
) -> None:
    health = m.DeploymentHealth(deployment="swift@acme", state="BREAKER_STATE_CLOSED", mode=mode)
    server.answers[FORCE] = m.ForceBreakerResponse(deployment=health)

    assert run(["providers", action, "swift@acme", "--instance-id", "i-1"]) == 0

    [call] = server.received
    assert call.request == m.ForceBreakerRequest(deployment="swift@acme", mode=mode, instance_id="i-1")
    assert capsys.readouterr().out.startswith("swift@acme: closed, decided by ")


@pytest.mark.parametrize("arguments", [["providers", "open"], ["providers", "list", "swift@acme"]])
def test_a_breaker_command_that_makes_no_sense_sends_nothing(server: Scripted, arguments: list[str]) -> None:
    assert run(arguments) == 2
    assert server.received == []
