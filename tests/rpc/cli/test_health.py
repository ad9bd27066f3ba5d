"""`atp health` against real servers: what it tells of each service, and what it tells while servers come and go."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from atp_grpc.app.checks import NEEDS
from atp_grpc.cli.program import INTERRUPTED, run
from tests.rpc.cli.conftest import ATP, Served, environment, serve


@contextmanager
def watching(target: str, *options: str) -> Iterator[subprocess.Popen[str]]:
    """`atp health --watch` as a process of its own."""
    command = [*ATP, "health", "--watch", "--target", target, *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def next_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_every_service_is_listed_with_its_status(server: Served, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["health", "--target", server.target, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "service": "",
        "status": "SERVING",
        "services": dict.fromkeys(NEEDS, "SERVING"),
    }

    assert run(["health", "--target", server.target]) == 0
    whole, services = capsys.readouterr().out.split("\n\n")
    assert whole == "SERVING"
    assert services.splitlines() == ["service\tstatus", *(f"{name}\tSERVING" for name in sorted(NEEDS))]


def test_one_service_is_told_alone(server: Served, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["health", "--target", server.target, "--service", "atp.v1.RouteService", "--json"]) == 0

    assert json.loads(capsys.readouterr().out) == {"service": "atp.v1.RouteService", "status": "SERVING"}


def test_a_watch_tells_every_change_on_a_line_until_it_is_interrupted(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    with watching(f"127.0.0.1:{port}", "--json") as watch:
        first = json.loads(next_line(watch))
        assert (first["service"], first["status"]) == ("", "UNREACHABLE")
        assert set(first) == {"time", "service", "status"}
        with serve(tmp_path / "data", "--port", port) as served:
            assert json.loads(next_line(watch))["status"] == "SERVING"
            assert served.stop() == 0
        assert json.loads(next_line(watch))["status"] == "NOT_SERVING"
        assert json.loads(next_line(watch))["status"] == "UNREACHABLE"
        watch.send_signal(signal.SIGINT)
        rest, complaints = watch.communicate(timeout=20)
        assert (watch.returncode, rest, complaints) == (INTERRUPTED, "", "")


def test_a_watch_of_a_service_is_told_in_plain_words(server: Served) -> None:
    with watching(server.target, "--service", "atp.v1.ObserveService") as watch:
        moment, status = next_line(watch).split()

    assert status == "SERVING"
    assert moment.endswith("+00:00")


def test_a_watch_of_a_service_nobody_knows_says_so(server: Served) -> None:
    with watching(server.target, "--service", "atp.v9.NoService") as watch:
        assert next_line(watch).endswith(" SERVICE_UNKNOWN")


def test_a_watch_that_may_not_be_opened_is_refused_with_the_reason(tmp_path: Path) -> None:
    with (
        serve(tmp_path / "data", "--set", "health.max_watches=0") as served,
        watching(served.target) as watch,
    ):
        said, complaints = watch.communicate(timeout=20)
        assert (watch.returncode, said) == (1, "")
        assert "ask with Check" in complaints
