"""What the commands for operators send, what they make of a full answer, and how any command tells a refusal."""

from __future__ import annotations

import json
from typing import Any

import grpc
import pytest
from google.rpc import code_pb2, error_details_pb2, status_pb2

from atp_grpc.cli.program import run
from atp_grpc.client import messages as m
from tests.unit.client.scripted_server import Scripted

MODELS = "/atp.admin.v1.CatalogService/ListModels"
DEPLOYMENTS = "/atp.admin.v1.CatalogService/ListDeployments"
SERVER = "/atp.admin.v1.OperationsService/GetServerInfo"
RELOAD = "/atp.admin.v1.OperationsService/ReloadCatalog"


def printed(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    assert run(arguments) == status
    return capsys.readouterr().out


def document(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    return json.loads(printed(capsys, *arguments, "--json"))


def test_models_shows_models_and_the_ways_to_reach_them_at_the_price_in_force(
    server: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    old = m.Price(input_nano_usd_per_million_tokens=9 * 10**9, output_nano_usd_per_million_tokens=9 * 10**9)
    new = m.Price(input_nano_usd_per_million_tokens=25 * 10**7, output_nano_usd_per_million_tokens=2 * 10**9)
    new.effective_from.FromJsonString("2020-01-01T00:00:00Z")
    coming = m.Price(input_nano_usd_per_million_tokens=1, output_nano_usd_per_million_tokens=1)
    coming.effective_from.FromJsonString("9999-01-01T00:00:00Z")
    active, draining = "SERVING_STATUS_ACTIVE", "SERVING_STATUS_DRAINING"
    server.answers[MODELS] = m.ListModelsResponse(
        revision=3,
        models=[
            m.Model(
                name="grand",
                context_tokens=200_000,
                max_output_tokens=8_192,
                status="SERVING_STATUS_SHADOW",
                prior_quality=0.9,
            ),
            m.Model(
                name="swift", context_tokens=32_768, status=active, prior_quality=0.75, capabilities=["json", "tools"]
            ),
        ],
    )
    server.answers[DEPLOYMENTS] = m.ListDeploymentsResponse(
        deployments=[
            m.Deployment(
                name="a", model="swift", provider="acme", regions=["eu", "us"], prices=[old, new, coming], status=active
            ),
            m.Deployment(name="b", model="swift", provider="bolt", prices=[coming], status=draining),
        ]
    )

    assert printed(capsys, "models") == (
        "model\tstatus\tcontext\toutput cap\tprior quality\tcapabilities\n"
        "grand\tshadow\t200,000\t8,192\t0.900\t\n"
        "swift\tactive\t32,768\t0\t0.750\tjson tools\n"
        "\n"
        "deployment\tmodel\tprovider\tinput\toutput\tregions\tnot serving\n"
        "a\tswift\tacme\t$0.25\t$2.00\teu us\t\n"
        "b\tswift\tbolt\tnone\tnone\t\tdraining\n"
        "\n"
        "catalogue revision 3\n"
    )
    assert [model["name"] for model in document(capsys, "models")["models"]] == ["grand", "swift"]


def test_server_shows_what_was_learned_and_a_reload_that_was_refused(
    server: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answers[SERVER] = m.GetServerInfoResponse(
        instance_id="i-1",
        version="0.1.0",
        profile="dev",
        store="sqlite",
        replica="r-7",
        last_sequence=42,
        engine=m.EngineInfo(
            name="reference",
            version="0.1.0",
            quarantined=True,
            learned=41,
            context_on=True,
            context_z=2.345,
            feature_schema="flags.v1",
            feature_dimension=15,
            arms=[m.ArmInfo(model="swift", observations=12.5, quality=0.8, output_tokens=256.4, latency_seconds=1.5)],
        ),
        catalog=m.CatalogInfo(
            revision=3,
            digest="abc",
            models=6,
            deployments=7,
            last_failure=m.ReloadFailure(complaints=["catalog.toml: line 3: no price"]),
        ),
    )

    assert printed(capsys, "server") == (
        "instance: i-1\n"
        "version: 0.1.0\n"
        "profile: dev\n"
        "store: sqlite\n"
        "replica: r-7, 42 observations stored\n"
        "engine: reference 0.1.0, native engine set aside\n"
        "learned: 41 outcomes\n"
        "context: on (+2.35 standard errors)\n"
        "features: flags.v1, 15 values\n"
        "catalogue: revision 3, 6 models, 7 deployments\n"
        "digest: abc\n"
        "\n"
        "model\tobservations\tquality\toutput tokens\tlatency\tfails\n"
        "swift\t12.5\t0.800\t256\t1.50 s\t0.0%\n"
        "\n"
        "the last reload was refused: catalog.toml: line 3: no price\n"
    )


@pytest.mark.parametrize(
    ("arguments", "changed", "sentence"),
    [
        ((), True, "revision 3 is in force\n"),
        ((), False, "nothing changed; revision 3 stays in force\n"),
        (("--check",), True, "the file is good and differs from revision 3, which is in force\n"),
        (("--check",), False, "the file is good and is the same as revision 3, which is in force\n"),
    ],
)
def test_reload_says_what_is_in_force(
    server: Scripted, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], changed: bool, sentence: str
) -> None:
    server.answers[RELOAD] = m.ReloadCatalogResponse(revision=3, changed=changed)

    assert printed(capsys, "reload", "--instance", "i-1", *arguments) == sentence
    assert server.received[0].request == m.ReloadCatalogRequest(instance_id="i-1", validate_only=bool(arguments))


def test_health_is_zero_only_while_serving(server: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "health") == "SERVING\n"
    assert document(capsys, "health") == {"service": "", "status": "SERVING"}
    server.health._server_status[""] = m.HealthCheckResponse.NOT_SERVING
    assert printed(capsys, "health", status=1) == "NOT_SERVING\n"


@pytest.mark.usefixtures("server")
def test_the_health_of_a_service_that_is_not_there_is_a_refusal(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["health", "--service", "atp.v1.NoService"]) == 1
    assert "NOT_FOUND" in capsys.readouterr().err


def test_a_refusal_of_the_server_ends_with_one_and_every_cause(
    server: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    status = status_pb2.Status(code=code_pb2.FAILED_PRECONDITION, message="no model may serve this request")
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason="NO_ELIGIBLE_MODEL", domain="atp.dev"))
    violation = {"type": "REGION", "subject": "swift", "description": "no deployment in moon"}
    status.details.add().Pack(error_details_pb2.PreconditionFailure(violations=[violation]))
    server.refusals = [(grpc.StatusCode.FAILED_PRECONDITION, status)] * 2

    assert run(["route", "hello", "--region", "moon"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        "atp: no model may serve this request (NO_ELIGIBLE_MODEL)\n  swift: no deployment in moon (REGION)\n"
    )

    assert run(["route", "hello", "--region", "moon", "--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["code"], error["reason"]) == ("FAILED_PRECONDITION", "NO_ELIGIBLE_MODEL")
    assert error["preconditions"] == [violation]
