"""What `atp chaos` and `atp flags` send, and what they make of the answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from atp_grpc.cli import chaos
from atp_grpc.cli.program import run
from atp_grpc.client import messages as m
from tests.unit.client.scripted_server import Scripted

_SERVICE = "/atp.admin.v1.OperationsService/"
GET_CHAOS, SET_CHAOS = f"{_SERVICE}GetChaos", f"{_SERVICE}SetChaos"
LIST_FLAGS, SET_FLAG = f"{_SERVICE}ListFlags", f"{_SERVICE}SetFlag"


def printed(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    assert run(arguments) == status
    return capsys.readouterr().out


def document(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    return json.loads(printed(capsys, *arguments, "--json"))


def sent(server: Scripted, method: str) -> list[Any]:
    return [received.request for received in server.received if received.method == method]


def state(*rules: m.ChaosCount, allowed: bool = True, injected: Mapping[str, int] | None = None) -> m.GetChaosResponse:
    return m.GetChaosResponse(instance_id="i-1", allowed=allowed, rules=rules, total_injected=injected or {})


def test_the_words_of_the_command_are_those_of_the_contract() -> None:
    for words, enum, prefix in (
        (chaos.TARGETS, m.ChaosTarget, "CHAOS_TARGET_"),
        (chaos.FAULTS, m.ChaosFault, "CHAOS_FAULT_"),
    ):
        assert [f"{prefix}UNSPECIFIED", *(prefix + word.upper() for word in words)] == [
            value.name for value in enum.DESCRIPTOR.values
        ]


def test_set_replaces_what_was_injected_at_one_target(server: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    late = m.ChaosRule(
        target="CHAOS_TARGET_STORE", fault="CHAOS_FAULT_DELAY", probability=0.5, delay=timedelta(milliseconds=200)
    )
    server.answers[SET_CHAOS] = m.SetChaosResponse()
    server.answers[GET_CHAOS] = state(m.ChaosCount(rule=late, total_injected=3))

    shown = printed(
        capsys,
        "chaos",
        "set",
        "store",
        "delay",
        "--share",
        "0.5",
        "--delay",
        "200ms",
        "--seed",
        "7",
        "--instance",
        "i-1",
    )

    assert sent(server, SET_CHAOS) == [
        m.SetChaosRequest(instance_id="i-1", target="CHAOS_TARGET_STORE", rules=[late], seed=7)
    ]
    assert shown == "target\tfault\tshare\tdelay\tdeployment\tinjected\nstore\tdelay\t0.5\t200 ms\t\t3\n"


def test_without_a_share_every_occasion_is_struck_and_without_a_seed_it_is_drawn(
    server: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answers[SET_CHAOS], server.answers[GET_CHAOS] = m.SetChaosResponse(), state()
    printed(capsys, "chaos", "set", "provider", "rate_limited", "--deployment", "swift@acme")
    [request] = sent(server, SET_CHAOS)
    assert (request.rules[0].probability, request.rules[0].deployment) == (1.0, "swift@acme")
    assert not request.HasField("seed")
    assert not request.rules[0].HasField("delay")


@pytest.mark.parametrize(("named", "stopped"), [((), (1, 2, 3, 4)), (("edge",), (2,))])
def test_stop_stops_one_target_or_all_of_the_process_that_answered(
    named: tuple[str, ...], stopped: tuple[int, ...], server: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answers[SET_CHAOS] = m.SetChaosResponse()
    server.answers[GET_CHAOS] = state(injected={"edge.error": 2, "store.delay": 1})
    shown = printed(capsys, "chaos", "stop", *named)
    assert [(one.instance_id, one.target, list(one.rules)) for one in sent(server, SET_CHAOS)] == [
        ("i-1", target, []) for target in stopped
    ]
    assert shown == "nothing is injected\n\nsince the process started: 2 edge.error, 1 store.delay\n"


def test_status_says_where_chaos_is_not_allowed(server: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    server.answers[GET_CHAOS] = state(allowed=False)
    assert "do not allow any (chaos.allowed)" in printed(capsys, "chaos", "status")
    assert document(capsys, "chaos", "status")["allowed"] is False


def test_flags_are_listed_and_one_is_switched(server: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    ask = m.Flag(name="ask", description="Requests are carried out.", on=False, default_on=True)
    server.answers[LIST_FLAGS] = m.ListFlagsResponse(instance_id="i-1", flags=[ask, m.Flag(name="breakers", on=True)])
    server.answers[SET_FLAG] = m.SetFlagResponse(flag=ask)

    assert printed(capsys, "flags", "ask") == (
        "flag\tis\tstarts\twhat it switches\nask\toff\ton\tRequests are carried out.\n"
    )
    assert [flag["name"] for flag in document(capsys, "flags")["flags"]] == ["ask", "breakers"]
    assert printed(capsys, "flags", "ask", "off") == "ask is off\n"
    assert sent(server, SET_FLAG) == [m.SetFlagRequest(name="ask", on=False)]


def test_a_flag_that_the_server_does_not_have_is_no_empty_list(
    server: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answers[LIST_FLAGS] = m.ListFlagsResponse(instance_id="i-1", flags=[m.Flag(name="ask", on=True)])

    assert run(("flags", "aks")) == 1
    assert "aks" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ("chaos",),
        ("chaos", "set", "moon", "error"),
        ("chaos", "set", "store", "fire"),
        ("chaos", "set", "store", "error", "--share", "2"),
        ("flags", "ask", "maybe"),
    ],
)
def test_what_cannot_be_meant_is_not_sent(
    arguments: tuple[str, ...], server: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    assert not server.received
