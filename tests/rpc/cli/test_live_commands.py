"""`atp top` and `atp drain` against a real `atp serve`."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import threading
from pathlib import Path

import pytest

from atp_grpc.cli.program import run
from tests.rpc.cli.conftest import ATP, ROOT, Served, environment, serve

PROMPT = "Prove that there are infinitely many primes."


def test_top_shows_what_a_server_is_doing(at_server: Served, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        assert run(["route", PROMPT]) == 0
    capsys.readouterr()

    assert run(["top", "--once", "--interval", "200ms"]) == 0

    shown = capsys.readouterr().out
    assert "RouteService/Route" in shown
    assert "decisions/s" in shown
    # A machine that is busy with other things makes the loop late, which is degraded.
    assert re.search(r"\b(healthy|degraded)\b", shown)
    assert max(map(len, shown.splitlines())) <= 110


def test_top_gives_machines_a_document_a_look(at_server: Served, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["route", PROMPT]) == 0
    capsys.readouterr()

    assert run(["top", "--once", "--interval", "200ms", "--json"]) == 0

    [line] = capsys.readouterr().out.splitlines()
    document = json.loads(line)
    assert sum(model["total_decisions"] for model in document["models"]) >= 1
    assert sum(model["share"] for model in document["models"]) == pytest.approx(1)
    assert document["draining"] is False
    assert document["resident_mib"] > 10


def test_top_moves_on_a_terminal_and_waits_for_a_server_that_restarts(tmp_path: Path) -> None:
    with serve(tmp_path / "data") as first:
        master, slave = pty.openpty()
        top = subprocess.Popen(
            [*ATP, "top", "--interval", "100ms", "--target", first.target],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment(ATP_KEY=first.key, TERM="xterm-256color", COLUMNS="120", LINES="40"),
            cwd=ROOT,
        )
        os.close(slave)
        seen = Seen(master)
        assert seen.wait_for("decisions/s")
        first.stop()
        assert seen.wait_for("waiting for the server")
        port = first.target.rpartition(":")[2]
        with serve(tmp_path / "data", "--port", port):
            assert seen.wait_for("decisions/s", again=True)
        top.terminate()
        top.wait(timeout=20)


class Seen:
    """What a program writes to its terminal, read all the time."""

    def __init__(self, master: int) -> None:
        self._master = master
        self._text = ""
        self._news = threading.Condition()
        self._mark = 0
        threading.Thread(target=self._read, daemon=True).start()

    def wait_for(self, words: str, *, again: bool = False) -> bool:
        """Whether words appear within twenty seconds; with `again`, after what was waited for last."""
        with self._news:
            start = self._mark if again else 0
            found = self._news.wait_for(lambda: words in self._text[start:], timeout=20)
            self._mark = len(self._text)
            return found

    def _read(self) -> None:
        while True:
            try:
                piece = os.read(self._master, 65_536).decode(errors="replace")
            except OSError:
                return
            with self._news:
                self._text += re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", piece)
                self._news.notify_all()


def atp(served: Served, *arguments: str, answer: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*ATP, *arguments, "--target", served.target],
        env=environment(ATP_KEY=served.key),
        input=answer,
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )


def test_drain_ends_the_server_and_waits_for_it(tmp_path: Path) -> None:
    with serve(tmp_path / "data") as served:
        done = atp(served, "drain", "--yes")

        assert done.returncode == 0, done.stderr
        assert done.stdout.endswith("is gone\n")
        assert served.process.wait(timeout=20) == 0


def test_drain_does_nothing_to_a_process_that_is_not_meant(tmp_path: Path) -> None:
    with serve(tmp_path / "data") as served:
        done = atp(served, "drain", "--yes", "--instance", "somebody-else")

        assert done.returncode == 1
        assert "INSTANCE_MISMATCH" in done.stderr
        assert atp(served, "health").stdout.startswith("SERVING")


def test_drain_asks_before_and_does_nothing_where_nobody_can_answer(tmp_path: Path) -> None:
    with serve(tmp_path / "data") as served:
        done = atp(served, "drain")

        assert done.returncode == 2
        assert "--yes" in done.stderr
        assert atp(served, "health").stdout.startswith("SERVING")


def test_drain_takes_no_for_an_answer_and_yes_for_another(tmp_path: Path) -> None:
    with serve(tmp_path / "data") as served:
        assert _at_a_terminal(served, "n\n") == 1
        assert atp(served, "health").stdout.startswith("SERVING")
        assert _at_a_terminal(served, "yes\n") == 0
        assert served.process.wait(timeout=20) == 0


def test_a_drain_that_is_not_waited_for_returns_at_once(tmp_path: Path) -> None:
    with serve(tmp_path / "data") as served:
        done = atp(served, "drain", "--yes", "--no-wait", "--json")

        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["ends_within"] == "30s"
        assert served.process.wait(timeout=20) == 0


def _at_a_terminal(served: Served, answer: str) -> int:
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [*ATP, "drain", "--target", served.target],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=environment(ATP_KEY=served.key),
        cwd=ROOT,
    )
    os.close(slave)
    seen = Seen(master)
    assert seen.wait_for("[y/N]")
    os.write(master, answer.encode())
    return process.wait(timeout=40)
