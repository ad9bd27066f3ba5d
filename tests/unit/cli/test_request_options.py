"""Options become the message that they describe, and nothing else."""

from __future__ import annotations

import argparse
import io

import pytest

from atp_grpc.cli.answer import CommandFailed
from atp_grpc.cli.request_options import add_request_options, request_of
from atp_grpc.client import messages as m


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_request_options(parser)
    return parser.parse_args(arguments)


def standard_input(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_a_prompt_alone_sends_nothing_but_the_prompt() -> None:
    assert request_of(parsed("hello")) == m.RouteRequest(prompt="hello", constraints=m.Constraints())


def test_every_option_reaches_its_field() -> None:
    request = request_of(
        parsed(
            *("hello", "--max-cost-usd", "0.01", "--quality-floor", "0.8", "--latency-slo", "800ms"),
            *("--capability", "tools", "--capability", "vision", "--allow", "a", "--deny", "b"),
            *("--region", "eu", "--data-scope", "eu-personal", "--objective", "lowest_cost", "--policy", "default"),
            *("--input-tokens", "12", "--max-output-tokens", "34", "--task-type", "maths", "--session", "s-1"),
            *("--request-id", "r-1", "--min-revision", "5", "--label", "team=search", "--label", "trial=a=b"),
        )
    )

    expected = m.RouteRequest(
        request_id="r-1",
        prompt="hello",
        input_tokens=12,
        max_output_tokens=34,
        task_type="maths",
        constraints=m.Constraints(
            max_cost_nano_usd=10_000_000,
            quality_floor=0.8,
            required_capabilities=["tools", "vision"],
            allowed_models=["a"],
            denied_models=["b"],
            region="eu",
            data_scope="eu-personal",
        ),
        objective=m.Objective(named="NAMED_OBJECTIVE_LOWEST_COST"),
        policy="default",
        session_id="s-1",
        labels={"team": "search", "trial": "a=b"},
        min_revision=5,
    )
    expected.constraints.latency_slo.FromMilliseconds(800)
    assert request == expected


def test_a_limit_of_zero_is_sent_and_not_taken_for_no_limit() -> None:
    request = request_of(parsed("hello", "--max-cost-usd", "0", "--quality-floor", "0", "--input-tokens", "0"))

    assert request.constraints.HasField("max_cost_nano_usd")
    assert request.constraints.HasField("quality_floor")
    assert request.HasField("input_tokens")


def test_weights_are_an_objective_too() -> None:
    request = request_of(parsed("hello", "--objective", "cost=0.2,latency=0.1"))

    assert request.objective == m.Objective(weights=m.Weights(cost=0.2, latency=0.1))


def test_every_named_objective_of_the_contract_can_be_asked_for() -> None:
    for name in m.NamedObjective.keys()[1:]:
        word = name.removeprefix("NAMED_OBJECTIVE_").lower()
        assert request_of(parsed("hello", "--objective", word)).objective == m.Objective(named=name)


@pytest.mark.parametrize("objective", ["", "best", "unspecified", "cost", "cost=x", "speed=1", "cost=nan", "cost=-1"])
def test_an_objective_that_does_not_exist_is_refused(objective: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed("hello", "--objective", objective)

    assert "argument --objective: " in capsys.readouterr().err


def test_a_dash_reads_the_prompt_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    standard_input(monkeypatch, "prompt with ü and\nlines".encode())

    assert request_of(parsed("-")).prompt == "prompt with ü and\nlines"


def test_a_prompt_on_standard_input_has_to_be_utf_8(monkeypatch: pytest.MonkeyPatch) -> None:
    standard_input(monkeypatch, b"\xff\xfe")

    with pytest.raises(CommandFailed, match="not UTF-8"):
        request_of(parsed("-"))
