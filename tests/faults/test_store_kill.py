"""kill -9 while reports stream into the SQLite store: every acknowledged one is there, and nothing is half there.

Run as a program, this file is the victim: it records without end and prints each acknowledgement after it was given.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from atp_grpc.domain.clock import SystemClock
from atp_grpc.domain.outcome import Observation, Recorded
from atp_grpc.store.sqlite import SqliteStore, open_sqlite_store
from tests.conformance.store.samples import ANSWERED, about, kept

ROOT = Path(__file__).resolve().parents[2]
BATCH = 5
LIVES = 3
LIVES_WHEN_SLOW = 40


async def record_without_end(database: Path) -> None:
    """The victim: batches of reports, with every other kind of write between them."""
    store = await open_sqlite_store(database, replica="victim", clock=SystemClock())
    number = await store.last_sequence()
    while True:
        decisions = [f"decision-{number + offset}" for offset in range(BATCH)]
        await store.save_decisions([kept(decision_id) for decision_id in decisions])
        answers = await store.record(
            [about(decision_id, quality=0.5, attempts=(ANSWERED,), labels={"k": "v"}) for decision_id in decisions]
        )
        for answer in answers:
            if isinstance(answer, Recorded) and answer.observation is not None:
                sys.stdout.write(f"{answer.observation.sequence} {answer.observation.lesson.decision_id}\n")
        sys.stdout.flush()
        number += BATCH
        await store.save_checkpoint("default", str(number).encode("ascii"))
        sys.stdout.write(f"checkpoint {number}\n")
        await store.write_fact("recorded", str(number))
        sys.stdout.write(f"fact {number}\n")


def live_and_die(database: Path, dice: random.Random) -> dict[str, str]:
    """One life of the victim, ended by SIGKILL. Returns what it acknowledged: decisions by sequence and more."""
    command = [sys.executable, "-m", "tests.faults.test_store_kill", str(database)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout is not None
        lines = [victim.stdout.readline() for _ in range(dice.randrange(1, 30 * BATCH))]
        # Up to two cycles of the victim's loop, so that death finds it anywhere between two acknowledgements.
        last_moment = time.perf_counter() + dice.uniform(0, 0.01)
        while time.perf_counter() < last_moment:
            pass
        victim.send_signal(signal.SIGKILL)
        lines += victim.stdout.readlines()
    assert victim.returncode == -signal.SIGKILL
    return dict(line.split() for line in lines if line.endswith("\n"))


async def observations_of(store: SqliteStore) -> list[Observation]:
    return await store.observations_after(0, 1_000_000)


async def check_sound(database: Path, acknowledged: dict[str, str]) -> int:
    """Opens what the victim left and holds it to the contract. Returns how many observations it found."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        pointers = connection.execute("SELECT decision, sequence FROM outcomes").fetchall()
    store = await open_sqlite_store(database, replica="another name", clock=SystemClock())
    assert store.replica == "victim"
    stored = await observations_of(store)
    assert [observation.sequence for observation in stored] == list(range(1, len(stored) + 1))
    assert await store.last_sequence() == len(stored)
    by_sequence = {str(observation.sequence): observation.lesson.decision_id for observation in stored}
    reports = {sequence: decision_id for sequence, decision_id in acknowledged.items() if sequence.isdigit()}
    assert {sequence: by_sequence.get(sequence) for sequence in reports} == reports
    # An observation and what stands are one: neither exists without the other, and no batch was cut.
    assert len(stored) % BATCH == 0
    assert sorted(pointers) == sorted(
        (f"acme\n{observation.lesson.decision_id}", observation.sequence) for observation in stored
    )
    for observation in stored[-BATCH:]:
        assert await store.outcome_of("acme", observation.lesson.decision_id) == observation.recorded
        assert await store.find_decision("acme", observation.lesson.decision_id) is not None
    checkpoint = int(await store.load_checkpoint("default") or 0)
    fact = int(await store.read_fact("recorded") or 0)
    assert int(acknowledged.get("checkpoint", 0)) <= checkpoint <= len(stored)
    assert int(acknowledged.get("fact", 0)) <= fact <= checkpoint
    await store.close()
    return len(stored)


@pytest.mark.parametrize(
    "lives", [LIVES, pytest.param(LIVES_WHEN_SLOW, marks=[pytest.mark.slow, pytest.mark.timeout(600)])]
)
async def test_every_acknowledged_report_survives_kill_minus_nine(tmp_path: Path, lives: int) -> None:
    dice = random.Random(9)
    acknowledged: dict[str, str] = {}
    found = 0

    for _ in range(lives):
        acknowledged |= await asyncio.to_thread(live_and_die, tmp_path / "atp.db", dice)
        now_found = await check_sound(tmp_path / "atp.db", acknowledged)
        assert now_found > found
        found = now_found

    assert len(acknowledged) >= lives


if __name__ == "__main__":
    asyncio.run(record_without_end(Path(sys.argv[1])))
