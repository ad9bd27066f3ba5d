"""The rooms without a door: the whole story in one process, its upkeep, and what an unwell store costs."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from atp_grpc.app.rooms import Rooms, open_rooms
from atp_grpc.config import LearningSettings, PolicySettings, Settings, StoreSettings
from atp_grpc.domain.call import Call
from atp_grpc.domain.clock import ManualClock
from atp_grpc.domain.errors import DecisionNotFoundError
from atp_grpc.domain.outcome import Report
from atp_grpc.domain.request import Constraints, RouteRequest
from atp_grpc.domain.tenant import Principal
from atp_grpc.engine.reference import ReferenceEngine
from atp_grpc.learning.observer import Reference
from atp_grpc.store.contract import StoreFailure
from atp_grpc.store.sqlite import open_sqlite_store
from tests.rpc.waiting import eventually

CALL = Call("m", Principal("acme", "key", frozenset()), 1e9, "trace")
DAY_SECONDS = 86_400.0


class Desk:
    """Settings, a clock to move, and a log to read."""

    def __init__(self, data_dir: Path) -> None:
        self.settings = Settings(profile="ci", data_dir=data_dir)
        self.clock = ManualClock()
        self.log = io.StringIO()

    def use(self, **sections: object) -> None:
        self.settings = dataclasses.replace(self.settings, **sections)  # type: ignore[arg-type]

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Rooms]:
        async with open_rooms(self.settings, clock=self.clock, log_stream=self.log) as rooms:
            yield rooms

    def events(self, event: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.log.getvalue().splitlines()]
        return [line for line in lines if line["event"] == event]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "data")


async def learn_one(rooms: Rooms, quality: float = 0.5) -> str:
    routed = rooms.router.route(RouteRequest(text="What is 2 + 2?"), CALL)
    await rooms.observer.observe(Reference(token=routed.token), Report(quality=quality), CALL)
    return routed.decision_id


def counted(rooms: Rooms, metric: str, **labels: str) -> float | None:
    return rooms.instruments.metrics.registry.get_sample_value(metric, labels)


async def test_a_library_user_routes_and_observes_without_a_socket(desk: Desk) -> None:
    async with desk.open() as rooms:
        name = await learn_one(rooms, 0.75)
        decision, standing = await rooms.observer.decision("acme", name)
        assert (decision.decision_id, standing.quality) == (name, 0.75)
        assert rooms.learner.revision == 1
        assert counted(rooms, "atp_learned_total") == 1
        assert counted(rooms, "atp_learner_generation") == 1
        assert counted(rooms, "atp_engine_choices_total", engine=rooms.engine.name) == 1
    async with desk.open() as rooms:
        assert rooms.learner.revision == 1
        # Restored, and not learned by this process.
        assert counted(rooms, "atp_learned_total") == 0
        assert counted(rooms, "atp_learner_generation") == 1
    first, second = desk.events("learner restored")
    assert (first["outcomes"], second["outcomes"]) == (0, 1)


async def test_a_checkpoint_is_written_while_the_process_runs(desk: Desk) -> None:
    desk.use(learning=LearningSettings(checkpoint_interval_seconds=0.1))
    async with desk.open() as rooms:
        await learn_one(rooms)
        await eventually(lambda: rooms.store.load_checkpoint("default"), is_it=bool)


async def test_a_store_that_cannot_take_a_checkpoint_is_an_incident_and_costs_nothing_else(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(pool: str, data: bytes) -> None:
        raise StoreFailure("disk full: secret-path")

    async with desk.open() as rooms:
        await learn_one(rooms)
        with monkeypatch.context() as patch:
            patch.setattr(type(rooms.store), "save_checkpoint", lambda _, pool, data: failing(pool, data))
            await rooms.upkeep.checkpoint()
            await rooms.upkeep.prune()
        await learn_one(rooms)
    methods = [line["method"] for line in desk.events("incident")]
    assert methods == ["checkpoint", "prune"]
    assert "secret-path" not in desk.log.getvalue()
    async with desk.open() as rooms:
        assert rooms.learner.revision == 2


async def test_pruning_forgets_what_is_old_and_keeps_what_was_learned(desk: Desk) -> None:
    desk.use(
        store=StoreSettings("memory"),
        learning=LearningSettings(ledger_size=1),
        policy=PolicySettings(feature_schema="flags.v1", feature_dimension=15),
    )
    async with desk.open() as rooms:
        old = await learn_one(rooms)
        await eventually(lambda: rooms.store.find_decision("acme", old), is_it=bool)
        desk.clock.advance(7 * DAY_SECONDS)
        young = await learn_one(rooms)
        await eventually(lambda: rooms.store.find_decision("acme", young), is_it=bool)
        desk.clock.advance(1.5 * DAY_SECONDS)
        before = rooms.engine.summary(desk.clock.now_nanos())
        await rooms.upkeep.prune()
        with pytest.raises(DecisionNotFoundError):
            await rooms.observer.decision("acme", old)
        assert (await rooms.observer.decision("acme", young))[1].quality == 0.5
        assert [o.sequence for o in await rooms.store.observations_after(0, 10)] == [2]
        assert rooms.engine.summary(desk.clock.now_nanos()) == before
        # The checkpoint was written before anything was forgotten.
        checkpoint = await rooms.store.load_checkpoint("default")
        assert checkpoint is not None
        restored = ReferenceEngine(rooms.engine.parameters)
        restored.restore(checkpoint)
        assert restored.summary(desk.clock.now_nanos()).learned == before.learned == 2


async def test_records_that_find_no_room_are_counted_and_their_tokens_still_teach(desk: Desk) -> None:
    desk.use(learning=LearningSettings(decision_queue=1, ledger_size=1))
    async with desk.open() as rooms:
        routed = [rooms.router.route(RouteRequest(text=str(number)), CALL) for number in range(5)]
        assert counted(rooms, "atp_decision_records_dropped_total") == 4
        assert counted(rooms, "atp_queue_depth", queue="decisions") == 1
        for each in routed:
            await rooms.observer.observe(Reference(token=each.token), Report(quality=1.0), CALL)
        assert rooms.learner.revision == 5


async def test_an_observation_of_another_schema_is_kept_reported_and_passed_over(desk: Desk) -> None:
    async with desk.open() as rooms:
        await learn_one(rooms)
    desk.use(policy=dataclasses.replace(desk.settings.policy, feature_schema="acme.v1", feature_dimension=3))
    async with desk.open() as rooms:
        assert rooms.learner.revision == 0
        assert await rooms.store.last_sequence() == 1
        assert rooms.learner.learned_through == 1
    (line,) = desk.events("observation not learned")
    assert (line["level"], line["sequence"], line["kind"]) == ("warning", 1, "another schema")


async def test_a_fault_while_learning_is_an_incident_and_the_next_report_is_taken(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> int:
        raise RuntimeError("made for the test")

    async with desk.open() as rooms:
        with monkeypatch.context() as patch:
            patch.setattr(rooms.engine, "learn", broken)
            await learn_one(rooms)
        await learn_one(rooms)
        assert rooms.learner.revision == 1
    (line,) = desk.events("incident")
    assert line["method"] == "journal"


@pytest.mark.parametrize("looks", [True, False])
async def test_a_model_that_fell_is_told_also_by_a_replay_where_the_policy_looks_and_nowhere_else(
    desk: Desk, *, looks: bool
) -> None:
    desk.use(policy=PolicySettings(feature_schema="flags.v1", feature_dimension=15, change_detection=looks))
    only = Constraints(allowed_models=frozenset({"cobalt-base"}))
    async with desk.open() as rooms:
        for number in range(120):
            routed = rooms.router.route(RouteRequest(text="What is 2 + 2?", constraints=only), CALL)
            report = Report(quality=0.9 if number < 80 else 0.0)
            await rooms.observer.observe(Reference(token=routed.token), report, CALL)
        fell = counted(rooms, "atp_quality_changes_total", direction="fell")
        known = rooms.engine.checkpoint()
    told = desk.events("quality changed")
    assert bool(fell) == bool(told) == looks
    # As after a crash before the first checkpoint: everything is learned once more.
    store = await open_sqlite_store(desk.settings.data_dir / "atp.db", replica="maker", clock=desk.clock)
    await store.save_checkpoint("default", b"")
    await store.close()
    async with desk.open() as rooms:
        assert counted(rooms, "atp_quality_changes_total", direction="fell") == fell
        assert rooms.engine.checkpoint() == known
