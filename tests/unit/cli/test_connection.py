"""What a refusal sounds like, and what is refused before anything is sent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from atp_grpc.cli.connection import refused
from atp_grpc.cli.program import run
from atp_grpc.client import AtpCallError
from atp_grpc.domain.errors import FieldViolation, PreconditionViolation, Resource


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("ATP_TARGET", "ATP_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def sentences(error: AtpCallError, *, has_key: bool = True) -> tuple[str, ...]:
    failure = refused(error, target="127.0.0.1:7443", has_key=has_key)
    assert failure.exit_status == 1
    return failure.sentences


def test_a_refusal_is_a_sentence_with_its_reason() -> None:
    assert sentences(AtpCallError("NOT_FOUND", "no such decision", reason="DECISION_NOT_FOUND")) == (
        "no such decision (DECISION_NOT_FOUND)",
    )


def test_every_detail_gets_a_line() -> None:
    error = AtpCallError(
        "FAILED_PRECONDITION",
        "no model may serve this request",
        reason="NO_ELIGIBLE_MODEL",
        violations=[FieldViolation("prompt", "too long")],
        preconditions=[PreconditionViolation("REGION", "swift", "no deployment in eu")],
        resource=Resource("model", "swift"),
        retry_after_seconds=0.5,
        trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
    )

    assert sentences(error)[1:] == (
        "prompt: too long",
        "swift: no deployment in eu (REGION)",
        "model: swift",
        "worth another try in 0.5 s",
        "trace 4bf92f3577b34da6a3ce929d0e0e4736",
    )


def test_a_status_without_a_reason_is_told_by_its_code() -> None:
    assert sentences(AtpCallError("UNIMPLEMENTED", "method not found")) == ("method not found (UNIMPLEMENTED)",)


def test_a_refused_credential_says_where_a_key_would_go_only_when_none_was_given() -> None:
    error = AtpCallError("UNAUTHENTICATED", "a valid credential is needed", reason="CREDENTIAL_REFUSED")

    assert "no key was given; set ATP_KEY, or use --key" in sentences(error, has_key=False)
    assert len(sentences(error, has_key=True)) == 1


def test_a_slow_server_is_named() -> None:
    assert sentences(AtpCallError("DEADLINE_EXCEEDED", "Deadline Exceeded")) == (
        "127.0.0.1:7443 did not answer in time (DEADLINE_EXCEEDED)",
    )


def test_a_server_that_is_not_there_is_named_and_the_status_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["route", "hello", "--target", "127.0.0.1:1"]) == 1

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("atp: no server answers at 127.0.0.1:1 (UNAVAILABLE)\n")


def test_the_target_of_the_environment_is_used_unless_an_option_names_another(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ATP_TARGET", "127.0.0.1:2")

    run(["health"])
    run(["health", "--target", "127.0.0.1:3"])

    first, second = (line for line in capsys.readouterr().err.splitlines() if line.startswith("atp:"))
    assert "127.0.0.1:2 " in first
    assert "127.0.0.1:3 " in second


def test_a_failure_is_a_document_when_json_was_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["health", "--target", "127.0.0.1:1", "--json"]) == 1

    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["code"], error["reason"]) == ("UNAVAILABLE", "")


def test_a_key_in_clear_text_to_another_machine_is_refused_before_it_is_sent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["route", "hello", "--target", "atp.example:7443", "--key", "atp_dev_1_swordfish"]) == 2

    complaint = capsys.readouterr().err
    assert "'atp.example:7443' is not on this machine" in complaint
    assert "--allow-insecure" in complaint
    assert "swordfish" not in complaint


def test_a_key_that_cannot_be_one_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["route", "hello", "--key", "schlüssel", "--target", "127.0.0.1:1"]) == 2

    complaint = capsys.readouterr().err
    assert "keys are letters, digits and underscores" in complaint
    assert "schlüssel" not in complaint


def test_certificates_that_cannot_be_read_are_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["health", "--root-certificates", "nowhere.pem"]) == 2
    assert "nowhere.pem: No such file or directory" in capsys.readouterr().err


def test_a_file_without_a_certificate_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.txt").write_text("hello")

    assert run(["health", "--root-certificates", "notes.txt"]) == 2
    assert capsys.readouterr().err == "atp: there is no PEM certificate in notes.txt\n"


def test_a_token_that_is_none_is_refused_before_anything_is_sent(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["observe", "not a token!", "--quality", "1", "--target", "127.0.0.1:1"]) == 2
    assert "base64url" in capsys.readouterr().err
