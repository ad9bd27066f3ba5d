"""What `atp evaluate` sends, and what it makes of an answer and of a refusal."""

from __future__ import annotations

import json

import pytest
from google.longrunning import operations_pb2

from atp_grpc.cli.program import run
from atp_grpc.client import messages as m
from tests.unit.client.scripted_server import Scripted

EVALUATE = "/atp.v1.DecisionService/EvaluatePolicy"
WAIT = "/google.longrunning.Operations/WaitOperation"

KNOWN = m.MeasureEvaluation(
    estimates=m.MeasureEstimates(
        value=m.Estimate(value=0.75, standard_error=0.01, low=0.73, high=0.77),
        difference=m.Estimate(value=-0.05, standard_error=0.01, low=-0.07, high=-0.03),
        happened=0.8,
    ),
    footing=m.EvaluationFooting(graded=90, ungraded=10, effective=42.0, mean_weight=1.01),
)
UNKNOWN = m.MeasureEvaluation(
    refusal=m.EvaluationRefusal(cause="EVALUATION_REFUSAL_CAUSE_NOTHING_GRADED", text="Nothing is known.")
)
FOUND = m.EvaluatePolicyResponse(
    quality=KNOWN, cost_nano_usd=UNKNOWN, decisions=100, shares=[m.ModelShare(model="swift", target=1.0, logged=0.25)]
)


def operation(response: m.EvaluatePolicyResponse | None = None) -> operations_pb2.Operation:
    made = operations_pb2.Operation(name="operations/1", done=response is not None)
    if response is not None:
        made.response.Pack(response)
    return made


def test_a_policy_is_evaluated_as_the_options_say(server: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    server.answers[EVALUATE] = operation(FOUND)
    assert run(
        [
            "evaluate", "frugal", "--since", "2026-01-01T00:00:00Z", "--warm-up-before", "2026-01-02T00:00:00Z",
            "--logged-policy", "default", "--confidence", "0.9", "--tenant", "-",
        ]
    ) == 0  # fmt: skip
    expected = m.EvaluatePolicyRequest(
        policy="frugal", scope=m.EvaluationScope(logged_policy="default", confidence=0.9, tenant="-")
    )
    expected.scope.decided_since.FromJsonString("2026-01-01T00:00:00Z")
    expected.scope.warm_up_before.FromJsonString("2026-01-02T00:00:00Z")
    assert server.received[0].request == expected
    text = capsys.readouterr().out
    assert "\nquality\tvalue\tinterval\tstandard error\n" in text
    assert "target\t0.7500\t0.7300 to 0.7700\t0.0100\n" in text
    assert "Cost of a decision: the log cannot tell. Nothing is known.\n" in text
    assert "swift\t100.0%\t25.0%\n" in text


def test_an_evaluation_that_takes_long_is_waited_for(server: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    server.answers[EVALUATE] = operation()
    server.answers[WAIT] = operation(FOUND)
    assert run(["evaluate", "--model", "swift", "--json"]) == 0
    begun, waited = [one.request for one in server.received]
    assert begun == m.EvaluatePolicyRequest(model="swift", scope=m.EvaluationScope())
    assert waited.name == "operations/1"
    assert json.loads(capsys.readouterr().out)["quality"]["estimates"]["value"]["value"] == 0.75


@pytest.mark.parametrize("arguments", [[], ["frugal", "--uniform"], ["--model", "swift", "--uniform"]])
def test_exactly_one_target_is_named(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate", *arguments]) == 2
    assert capsys.readouterr().err
