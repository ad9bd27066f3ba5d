"""What `atp policy` sends, and what it makes of the answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from atp_grpc.cli.program import run
from atp_grpc.client import messages as m
from tests.unit.client.scripted_server import Scripted

SERVICE = "/atp.admin.v1.PolicyService"
POLICY = m.RoutingPolicy(
    name="fast",
    version=3,
    origin=m.Origin.ORIGIN_API,
    etag="e3",
    objective={"cost_weight": 0.5, "quality_floor": 0.8, "latency_slo": {"seconds": 2}},
    traffic_share=0.25,
    feature_schema="flags.v1",
)


def printed(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    assert run(("policy", *arguments)) == status
    out, err = capsys.readouterr()
    return out if status == 0 else err


def sent(server: Scripted) -> Any:
    """The request that came last."""
    return server.received[-1].request


def test_list_says_the_outline_of_each_policy(server: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    server.answers[f"{SERVICE}/ListPolicies"] = m.ListPoliciesResponse(
        policies=[m.RoutingPolicy(name="default"), POLICY], revision=2
    )
    lines = printed(capsys, "list").splitlines()
    assert lines[1].split("\t")[:4] == ["default", "0", "unspecified", "the rest"]
    assert lines[2].split("\t") == [
        *("fast", "3", "api", "25.0%", "0.5", "0"),
        "quality 0.8, latency 2.00 s",
        "flags.v1",
    ]


def test_what_show_prints_can_be_made_again(
    server: Scripted, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    server.answers[f"{SERVICE}/GetPolicy"] = m.GetPolicyResponse(policy=POLICY)
    server.answers[f"{SERVICE}/CreatePolicy"] = m.CreatePolicyResponse(policy=POLICY, revision=1)
    file = tmp_path / "policy.json"
    file.write_text(printed(capsys, "show", "fast", "--json"))
    assert "objective.quality_floor: 0.8" in printed(capsys, "show", "fast")
    assert "other made" not in printed(capsys, "create", "other", "--file", str(file), "--request-id", "r", "--check")
    request = sent(server)
    assert (request.policy.name, request.request_id, request.validate_only) == ("other", "r", True)
    assert request.policy.objective == POLICY.objective


def test_create_reads_fields_by_their_kind(server: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    server.answers[f"{SERVICE}/CreatePolicy"] = m.CreatePolicyResponse(policy=POLICY, revision=1)
    fields = {
        "objective.when_unmet": "refuse",
        "objective.latency_slo": "1.5s",
        "learner.learner": "LEARNER_GREEDY",
        "filters.allowed_models": '["a", "b"]',
        "filters.region": "eu",
        "change_detection": "false",
        "cascade.min_confidence": "0.7",
    }
    options = [option for field, value in fields.items() for option in ("--set", f"{field}={value}")]
    assert printed(capsys, "create", "fast", *options).startswith("fast made: version 3, revision 1\n")
    policy = sent(server).policy
    assert policy.objective == m.PolicyObjective(
        when_unmet=m.WhenUnmet.WHEN_UNMET_REFUSE, latency_slo={"seconds": 1, "nanos": 500_000_000}
    )
    assert policy.filters == m.PolicyFilters(allowed_models=["a", "b"], region="eu")
    assert (policy.learner.learner, policy.HasField("change_detection")) == (4, True)
    assert policy.cascade == m.Cascade(min_confidence=0.7)


def test_update_names_what_it_sets_and_clears(server: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    server.answers[f"{SERVICE}/UpdatePolicy"] = m.UpdatePolicyResponse(policy=POLICY, revision=4)
    printed(capsys, "update", "fast", "--set", "traffic_share=0.5", "--clear", "objective", "--etag", "e2")
    request = sent(server)
    assert list(request.update_mask.paths) == ["traffic_share", "objective"]
    assert request.policy == m.RoutingPolicy(name="fast", etag="e2", traffic_share=0.5)


def test_update_from_a_file_replaces_everything(
    server: Scripted, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    server.answers[f"{SERVICE}/UpdatePolicy"] = m.UpdatePolicyResponse(policy=POLICY, revision=4)
    file = tmp_path / "policy.json"
    file.write_text(json.dumps({"etag": "e3", "filters": {"allowed_models": ["a"]}}))
    printed(capsys, "update", "fast", "--file", str(file), "--set", 'filters.allowed_models=["b"]')
    request = sent(server)
    assert list(request.update_mask.paths) == ["*"]
    assert request.policy == m.RoutingPolicy(name="fast", etag="e3", filters={"allowed_models": ["b"]})


@pytest.mark.parametrize(("action", "done"), [("delete", "deleted"), ("rollback", "taken back")])
def test_delete_and_rollback_send_the_version_that_is_meant(
    server: Scripted, capsys: pytest.CaptureFixture[str], action: str, done: str
) -> None:
    method = f"{SERVICE}/{action.capitalize()}Policy"
    server.answers[method] = getattr(m, f"{action.capitalize()}PolicyResponse")(policy=POLICY, revision=5)
    assert f"fast {done}: version 3" in printed(capsys, action, "fast", "--etag", "e3")
    assert f"fast could be {done}" in printed(capsys, action, "fast", "--check")
    first, second = [received.request for received in server.received]
    assert (first.name, first.etag, first.validate_only, second.validate_only) == ("fast", "e3", False, True)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("update", "fast"), "nothing to change"),
        (("create", "fast", "--set", "ghost=1"), "that is no policy"),
        (("create", "fast", "--set", "objective.ghost=1"), "that is no policy"),
        (("create", "fast", "--set", "traffic_share=much"), "that is no policy"),
        (("create", "fast", "--file", "nowhere.json"), "the file cannot be read"),
    ],
)
def test_what_cannot_be_sent_is_said_before_anything_is_sent(
    server: Scripted, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], sentence: str
) -> None:
    assert sentence in printed(capsys, *arguments, status=2)
    assert not server.received
