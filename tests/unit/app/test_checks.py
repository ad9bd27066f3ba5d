"""What each check looks at, and which service needs it."""

from __future__ import annotations

import io
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from google.longrunning import operations_pb2

from atp_grpc.app.checks import (
    DROPPED_SECONDS,
    ESSENTIAL,
    NEEDS,
    checks_of,
    look_at_catalog,
    look_at_decisions,
    look_at_disk,
    look_at_engine,
    look_at_journal,
    look_at_loop,
    look_at_store,
    look_at_tasks,
    look_at_upkeep,
)
from atp_grpc.app.condition import watchdog_of
from atp_grpc.app.rooms import Rooms, open_rooms
from atp_grpc.app.signs import Signs
from atp_grpc.catalog.loader import parse_catalogue
from atp_grpc.catalog.snapshot import build_snapshot
from atp_grpc.config import Settings
from atp_grpc.domain.clock import NANOS_PER_SECOND, ManualClock
from atp_grpc.domain.health import Finding, State
from atp_grpc.pb.atp.admin.v1 import (
    catalog_service_pb2,
    event_service_pb2,
    operations_service_pb2,
    policy_service_pb2,
    prior_service_pb2,
    tenant_service_pb2,
)
from atp_grpc.pb.atp.v1 import ask_service_pb2, decision_service_pb2, observe_service_pb2, route_service_pb2
from atp_grpc.store.contract import StoreFailure
from atp_grpc.store.memory import MemoryStore
from tests.rpc.catalogues import DRAINING_ONLY, ONE_MODEL, TWO_MODELS

MODULES = (
    ask_service_pb2,
    catalog_service_pb2,
    event_service_pb2,
    operations_service_pb2,
    policy_service_pb2,
    prior_service_pb2,
    tenant_service_pb2,
    decision_service_pb2,
    observe_service_pb2,
    route_service_pb2,
    operations_pb2,
)
SERVICES = {service.full_name for module in MODULES for service in module.DESCRIPTOR.services_by_name.values()}
PAGE = (Path(__file__).resolve().parents[3] / "docs" / "health.md").read_text(encoding="utf-8")
NOW = 1_700_000_000 * NANOS_PER_SECOND
LATER = "effective_from = 2150-01-01T00:00:00Z\ninput_usd"


class Desk:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.signs = Signs(self.clock.monotonic)
        self.store = MemoryStore("r1")


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def rooms(tmp_path: Path) -> AsyncIterator[Rooms]:
    settings = Settings(profile="ci", data_dir=tmp_path / "data")
    async with open_rooms(settings, log_stream=io.StringIO()) as rooms:
        yield rooms


def judged(catalogue: str, refused: int = 0) -> Finding:
    parsed = parse_catalogue(catalogue.encode(), "catalog.toml")
    return look_at_catalog(build_snapshot(parsed, revision=1, generation=1, now_nanos=NOW), refused)


def test_every_service_of_the_contract_says_what_it_needs() -> None:
    assert NEEDS.keys() == SERVICES
    assert ESSENTIAL in NEEDS


async def test_every_need_is_a_check_and_every_check_looks(rooms: Rooms) -> None:
    checks = checks_of(rooms, watchdog_of(rooms.settings, rooms.instruments))

    assert set().union(*NEEDS.values()) <= {check.name for check in checks}
    assert {check.name: (await check.look()).state for check in checks} == dict.fromkeys(
        (check.name for check in checks), State.HEALTHY
    )


async def test_the_page_lists_every_check_and_what_every_service_needs(rooms: Rooms) -> None:
    checks = {check.name for check in checks_of(rooms, watchdog_of(rooms.settings, rooms.instruments))}
    listed = PAGE.partition("## The checks")[2].partition("\n## ")[0]
    needs = PAGE.partition("## What takes a service out")[2].partition("\n## ")[0]

    # The door adds the last one where there is TLS.
    assert set(re.findall(r"^\| `(\w+)`", listed, re.MULTILINE)) == {*checks, "certificate"}
    shown = {
        service: frozenset(re.findall(r"`(\w+)`", needed))
        for services, needed in re.findall(r"^\| (`atp.*?) \| (.*?) \|$", needs, re.MULTILINE)
        for service in re.findall(r"`([\w.]+)`", services)
    }
    assert shown == NEEDS


def test_route_needs_no_store() -> None:
    assert NEEDS["atp.v1.RouteService"].isdisjoint({"store", "journal", "disk"})


async def test_a_store_is_well_while_it_can_be_read(desk: Desk) -> None:
    assert (await look_at_store(desk.store)).state is State.HEALTHY
    await desk.store.close()
    assert await look_at_store(desk.store) == (State.UNHEALTHY, "cannot be read")


async def test_the_journal_is_unhealthy_after_a_failed_commit_until_something_was_written_again(desk: Desk) -> None:
    async def broken(*_: object) -> None:
        raise StoreFailure("disk full")

    write_fact, desk.signs.has_commit_failed = desk.store.write_fact, True
    desk.store.write_fact = broken  # type: ignore[method-assign, assignment]
    for _ in range(2):
        assert (await look_at_journal(desk.store, desk.signs, 0, 100)).state is State.UNHEALTHY
    desk.store.write_fact = write_fact  # type: ignore[method-assign]
    assert (await look_at_journal(desk.store, desk.signs, 0, 100)).state is State.HEALTHY
    assert not desk.signs.has_commit_failed


async def test_a_journal_that_is_well_is_not_written_to_by_its_check(desk: Desk) -> None:
    await desk.store.close()

    assert (await look_at_journal(desk.store, desk.signs, 0, 100)).state is State.HEALTHY


@pytest.mark.parametrize(("depth", "state"), [(80, State.HEALTHY), (81, State.DEGRADED), (100, State.DEGRADED)])
async def test_a_full_queue_of_reports_degrades_and_never_takes_out_of_service(
    desk: Desk, depth: int, state: State
) -> None:
    assert (await look_at_journal(desk.store, desk.signs, depth, 100)).state is state


def test_a_lost_record_of_a_decision_is_held_against_the_server_for_a_while(desk: Desk) -> None:
    assert look_at_decisions(desk.signs).state is State.HEALTHY
    desk.signs.dropped()
    desk.clock.advance(DROPPED_SECONDS - 1)
    assert look_at_decisions(desk.signs) == (
        State.DEGRADED,
        "a record was dropped 29 s ago; decisions are still answered",
    )
    desk.clock.advance(1)
    assert look_at_decisions(desk.signs).state is State.HEALTHY


@pytest.mark.parametrize(
    ("catalogue", "state"),
    [
        pytest.param(ONE_MODEL, State.HEALTHY, id="a model"),
        pytest.param(DRAINING_ONLY, State.DEGRADED, id="a draining model"),
        pytest.param(DRAINING_ONLY.replace("draining", "shadow"), State.UNHEALTHY, id="a shadow model"),
        pytest.param(DRAINING_ONLY.replace("draining", "deprecated"), State.UNHEALTHY, id="a deprecated model"),
        pytest.param(ONE_MODEL.replace("input_usd", LATER), State.UNHEALTHY, id="a price that is not in force yet"),
        pytest.param(
            ONE_MODEL.replace('provider = "one"', 'provider = "one"\nstatus = "draining"'),
            State.DEGRADED,
            id="a draining deployment",
        ),
        pytest.param(TWO_MODELS.replace("input_usd", LATER, 1), State.HEALTHY, id="half of the models"),
        pytest.param(
            TWO_MODELS.replace("input_usd", LATER, 1) + '[[model]]\nname="trio"\ncontext_tokens=1\nmax_output_tokens=1',
            State.DEGRADED,
            id="less than half of the models",
        ),
    ],
)
def test_a_catalogue_is_as_well_as_what_it_offers(catalogue: str, state: State) -> None:
    assert judged(catalogue).state is state


def test_a_refused_file_degrades_and_an_empty_catalogue_stays_the_greater_evil() -> None:
    assert judged(ONE_MODEL, refused=2) == (
        State.DEGRADED,
        "the last file was refused with 2 complaints; the one before stays",
    )
    assert judged(DRAINING_ONLY.replace("draining", "shadow"), refused=2).state is State.UNHEALTHY


def test_an_engine_that_was_set_aside_degrades() -> None:
    assert look_at_engine(is_quarantined=False).state is State.HEALTHY
    assert look_at_engine(is_quarantined=True).state is State.DEGRADED


def test_upkeep_that_failed_degrades_until_it_went_well(desk: Desk) -> None:
    desk.signs.failing["checkpoint"] = None
    assert look_at_upkeep(desk.signs) == (State.DEGRADED, "checkpoint failed and will be tried again")
    desk.signs.failing.pop("checkpoint")
    assert look_at_upkeep(desk.signs).state is State.HEALTHY


def test_a_dead_task_is_unhealthy_for_good(desk: Desk) -> None:
    assert look_at_tasks(desk.signs).state is State.HEALTHY
    desk.signs.dead["journal"] = None
    assert look_at_tasks(desk.signs) == (State.UNHEALTHY, "journal died; the process has to be replaced")


def test_a_loop_is_degraded_above_the_length_of_a_stall() -> None:
    assert look_at_loop(0.1, 0.1).state is State.HEALTHY
    assert look_at_loop(0.11, 0.1) == (
        State.DEGRADED,
        "the event loop was 0.11 s late within the last ten seconds",
    )


async def test_a_disk_is_low_and_then_full(tmp_path: Path) -> None:
    assert (await look_at_disk(tmp_path, 0, 0)).state is State.HEALTHY
    assert (await look_at_disk(tmp_path, 2**60, 0)).state is State.DEGRADED
    assert (await look_at_disk(tmp_path, 2**60, 2**60)).state is State.UNHEALTHY


async def test_the_rooms_tell_of_their_trouble_through_the_instruments(rooms: Rooms) -> None:
    instruments, signs = rooms.instruments, rooms.instruments.signs
    instruments.journal_fault(RuntimeError("learning failed; the report is durable"))
    assert not signs.has_commit_failed
    instruments.journal_fault(StoreFailure("disk full"))
    assert signs.has_commit_failed
    instruments.committed(1, 0.001)
    assert not signs.has_commit_failed

    instruments.upkeep_failed("checkpoint", StoreFailure("disk full"))
    instruments.upkeep_failed("prune", StoreFailure("disk full"))
    instruments.upkeep_done("checkpoint")
    assert list(signs.failing) == ["prune"]

    instruments.decisions_dropped(3)
    assert signs.seconds_since_dropped() is not None
    instruments.background_died("flusher", RuntimeError("made for the test"))
    assert list(signs.dead) == ["flusher"]


async def test_a_checkpoint_that_fails_and_succeeds_is_noticed(tmp_path: Path) -> None:
    log = io.StringIO()
    settings = Settings(profile="ci", data_dir=tmp_path / "data")
    async with open_rooms(settings, log_stream=log) as rooms:
        save = rooms.learner.checkpoint

        async def broken() -> int:
            raise StoreFailure("disk full")

        rooms.learner.checkpoint = broken  # type: ignore[method-assign]
        await rooms.upkeep.checkpoint()
        assert list(rooms.instruments.signs.failing) == ["checkpoint"]
        rooms.learner.checkpoint = save  # type: ignore[method-assign]
        await rooms.upkeep.checkpoint()
        assert not rooms.instruments.signs.failing
    assert [one["method"] for one in map(json.loads, log.getvalue().splitlines()) if one["event"] == "incident"] == [
        "checkpoint"
    ]
