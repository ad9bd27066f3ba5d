"""`atp adapter check` on real adapters: the example of the page passes, and a broken promise is told."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path

import pytest

from atp_grpc.adapter import Event, Finished, FinishReason, Generation, RunningAdapter, TextDelta, open_adapter
from atp_grpc.cli.program import run
from tests.conformance.provider import staged
from tests.contract.marked_pages import ROOT, Page

Serve = Callable[..., RunningAdapter]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves adapters on a loop of their own: the command brings its own loop."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    opened = []

    def start(adapter: staged.StagedAdapter, **options: object) -> RunningAdapter:
        context = open_adapter(adapter, drain_seconds=0.0, **options)  # type: ignore[arg-type]
        running = asyncio.run_coroutine_threadsafe(context.__aenter__(), loop).result()
        opened.append(context)
        return running

    yield start
    for context in opened:
        asyncio.run_coroutine_threadsafe(context.__aexit__(None, None, None), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


class Hasty(staged.StagedAdapter):
    """Ignores its cap."""

    async def generate(self, generation: Generation) -> AsyncGenerator[Event, None]:
        yield TextDelta("one two three four five six")
        yield Finished(FinishReason.STOP)


def test_the_adapter_of_the_page_runs_and_keeps_every_promise(tmp_path: Path) -> None:
    program = tmp_path / "backwards.py"
    program.write_text(Page(ROOT / "docs" / "adapters.md").blocks("python")[0])
    command = [sys.executable, str(program), "127.0.0.1:0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}
    ) as process:
        assert process.stdout is not None
        target = process.stdout.readline().rpartition(" ")[2].strip()

        status = run(["adapter", "check", target])

        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
    assert status == 0


def test_the_table_names_every_check_and_what_was_left_out(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    running = serve(staged.StagedAdapter())

    assert run(["adapter", "check", running.target]) == 0

    told = capsys.readouterr().out
    assert "ends with one finish\tpassed" in told
    assert "watch tells a state at once\tpassed" in told
    assert "demanded tool is called\tpassed" in told
    assert "slow reader holds the upstream back\tleft out" in told
    assert "no check failed" in told


def test_a_broken_promise_is_told_and_ends_with_one(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    running = serve(Hasty())

    assert run(["adapter", "check", running.target, "--json"]) == 1

    document = json.loads(capsys.readouterr().out)
    outcomes = {check["check"]: check["outcome"] for check in document["checks"]}
    assert outcomes["cap is kept"] == "failed"
    assert document["failed"] == list(outcomes.values()).count("failed") >= 1


def test_a_key_comes_from_a_file(serve: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    running = serve(staged.StagedAdapter(), keys=["k-1"])
    key = tmp_path / "key"
    key.write_text("k-1\n")

    assert run(["adapter", "check", running.target, "--key-file", str(key)]) == 0
    assert run(["adapter", "check", running.target]) == 1
    assert "key_refused" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "status"),
    [(["127.0.0.1:1"], 1), (["127.0.0.1:1", "--key-file", "/nowhere"], 2), ([], 2), (["not an address"], 1)],
)
def test_what_cannot_be_checked_is_said(arguments: list[str], status: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["adapter", "check", *arguments]) == status
    assert capsys.readouterr().err


def test_a_model_that_is_not_there_is_said(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    running = serve(staged.StagedAdapter())

    assert run(["adapter", "check", running.target, "--model", "hornet"]) == 1
    assert "model_unknown" in capsys.readouterr().err
