"""A model whose quality changes, over a real socket: it is found, its estimate follows at once, and it is counted."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from atp_grpc.client.messages import GetServerInfoRequest, RouteBatchRequest
from atp_grpc.config import EngineSettings
from tests.rpc.policies import made
from tests.rpc.provoking import prompt
from tests.rpc.serving import Serving
from tests.rpc.steering.conversing import SURE_LEARNER, ask_and_tell, of_two, planned, tell

GOOD, BAD = {"solo": 0.9, "duet": 0.8}, {"solo": 0.3, "duet": 0.8}
BEFORE = 120
MORE = 10
"""Grades after a change was found: few beside those before it."""
ALLOWED = {"constraints": {"allowed_models": ["solo"]}}


def changes(server: Serving, direction: str) -> float | None:
    registry = server.app.rooms.instruments.metrics.registry
    return registry.get_sample_value("atp_quality_changes_total", {"direction": direction})


async def until_found(server: Serving, direction: str, grades: dict[str, float], **fields: Any) -> int:
    """Asks and tells until a change is found; how often that was."""
    found = changes(server, direction) or 0.0
    for number in range(1, 200):
        await ask_and_tell(server.acme, 1, grades, **fields)
        if (changes(server, direction) or 0.0) > found:
            return number
    raise AssertionError("no change was found")


async def quality_of_solo(server: Serving, **fields: Any) -> float:
    return (await planned(server.acme, **fields))["solo"].expected.quality


async def test_a_model_that_becomes_worse_is_found_and_requests_leave_it(
    tmp_path: Path, engine: EngineSettings
) -> None:
    async with of_two(tmp_path, engine) as server:
        await ask_and_tell(server.acme, 20, GOOD, constraints={"allowed_models": ["duet"]})
        answers = await ask_and_tell(server.acme, BEFORE, GOOD)
        assert {answer.target.model for answer in answers} == {"solo"}
        assert not changes(server, "fell")
        took = await until_found(server, "fell", BAD, **ALLOWED)
        assert took <= 30
        # The mean of everything it was graded, the prior among it, which is what an estimate is without this.
        await ask_and_tell(server.acme, MORE, BAD, **ALLOWED)
        plain = (1.0 + BEFORE * GOOD["solo"] + (took + MORE) * BAD["solo"]) / (1 + BEFORE + took + MORE)
        assert await quality_of_solo(server) < plain - 0.3
        after = await ask_and_tell(server.acme, 10, BAD)
        assert {answer.target.model for answer in after} == {"duet"}
        assert (changes(server, "fell"), changes(server, "rose") or 0.0) == (1.0, 0.0)


async def test_a_model_that_becomes_better_again_is_found_too(tmp_path: Path, engine: EngineSettings) -> None:
    async with of_two(tmp_path, engine) as server:
        await ask_and_tell(server.acme, BEFORE, BAD, **ALLOWED)
        took = await until_found(server, "rose", GOOD, **ALLOWED)
        await ask_and_tell(server.acme, MORE, GOOD, **ALLOWED)
        plain = (1.0 + BEFORE * BAD["solo"] + (took + MORE) * GOOD["solo"]) / (1 + BEFORE + took + MORE)
        assert await quality_of_solo(server) > plain + 0.3


async def test_a_policy_that_wants_no_change_detection_keeps_its_evidence(
    tmp_path: Path, engine: EngineSettings
) -> None:
    async with of_two(tmp_path, engine) as server:
        await made(server, "steady", learner=SURE_LEARNER, change_detection=False)
        await ask_and_tell(server.acme, BEFORE, GOOD, policy="steady", **ALLOWED)
        await ask_and_tell(server.acme, 40, BAD, policy="steady", **ALLOWED)
        plain = (1.0 + BEFORE * GOOD["solo"] + 40 * BAD["solo"]) / (1 + BEFORE + 40)
        assert abs(await quality_of_solo(server, policy="steady") - plain) < 1e-9
        assert not changes(server, "fell")


async def test_what_was_found_outlasts_a_restart(tmp_path: Path, engine: EngineSettings) -> None:
    async with of_two(tmp_path, engine) as server:
        await ask_and_tell(server.acme, BEFORE, GOOD, **ALLOWED)
        await until_found(server, "fell", BAD, **ALLOWED)
        before = (await server.acme.get_server_info(GetServerInfoRequest())).engine
        quality = await quality_of_solo(server)
    async with of_two(tmp_path, engine) as server:
        assert (await server.acme.get_server_info(GetServerInfoRequest())).engine == before
        assert await quality_of_solo(server) == quality
    # And without what was written down, it is found again among the same observations.
    with sqlite3.connect(tmp_path / "data" / "atp.db") as connection:
        assert connection.execute("DELETE FROM checkpoints").rowcount == 1
    connection.close()
    async with of_two(tmp_path, engine) as server:
        assert abs(await quality_of_solo(server) - quality) < 1e-9


async def test_grades_that_come_long_after_their_decisions_are_taken_for_no_change(
    tmp_path: Path, engine: EngineSettings
) -> None:
    grades = [0.4, 0.6] * 150
    async with of_two(tmp_path, engine) as server:
        # All of them are decided before anything is known, when the best is believed.
        request = prompt(input_tokens=500, constraints={"allowed_models": ["solo"]})
        batches = [await server.acme.route_batch(RouteBatchRequest(requests=[request] * 100)) for _ in range(3)]
        answers = [result.response for batch in batches for result in batch.results]
        for answer, grade in zip(answers, grades, strict=True):
            await tell(server.acme, answer, grade)
        assert not changes(server, "fell")
        assert abs(await quality_of_solo(server) - (1.0 + sum(grades)) / (1 + len(grades))) < 1e-9
        # What is decided now is judged by what is believed now.
        assert await until_found(server, "rose", {"solo": 1.0}, **ALLOWED) <= 60
