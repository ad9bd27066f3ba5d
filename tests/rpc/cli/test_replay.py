"""An interrupted replay ends at once with all its processes, says nothing it should not, and writes nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rpc.waiting import until

ATP = Path(sys.executable).with_name("atp")


def processes_of_group(group: int) -> list[int]:
    """Processes that are at work in a group, by /proc."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            found.append(int(entry.name))
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where everything is written, also what is temporary; it has to be empty at the end."""
    yield tmp_path
    assert list(tmp_path.iterdir()) == []


async def test_an_interrupted_replay_leaves_nothing_behind(folder: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ATP_")}
    replay = await asyncio.create_subprocess_exec(
        str(ATP),
        *("replay", "--simulated", "3000", "--sweep", "--seeds", "5", "--jobs", "2", "--choices", "c.jsonl"),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment | {"TMPDIR": str(folder)},
        start_new_session=True,
    )
    try:
        # The command, what keeps track of its semaphores, and two that do the work.
        await until(lambda: len(processes_of_group(replay.pid)) >= 4)
        os.killpg(replay.pid, signal.SIGINT)
        out, errors = await replay.communicate()
        await until(lambda: not processes_of_group(replay.pid))
    finally:
        if replay.returncode is None:
            os.killpg(replay.pid, signal.SIGKILL)
            await replay.wait()

    assert replay.returncode == 130
    assert (out, errors) == (b"", b"")
