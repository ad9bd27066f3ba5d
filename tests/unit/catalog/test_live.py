"""The catalogue in force: whole or not at all, last-known-good kept, revisions that only grow."""

from __future__ import annotations

import asyncio

import pytest

from atp_grpc.catalog.live import LiveCatalogue, ReloadFailure
from atp_grpc.catalog.loader import DEMONSTRATION, CatalogueFault, digest_of
from atp_grpc.domain.clock import NANOS_PER_SECOND, ManualClock
from atp_grpc.store.contract import StoreFailure
from atp_grpc.store.memory import MemoryStore
from tests.unit.catalog.desk import BAD, FIRST, SECOND, Desk

JUNE_2026 = 1_780_272_000 * NANOS_PER_SECOND


async def test_the_first_snapshot_is_revision_one_of_generation_one(desk: Desk) -> None:
    live = await desk.open()

    assert (live.snapshot.revision, live.snapshot.generation) == (1, 1)
    assert live.snapshot.digest == digest_of(FIRST)
    assert live.snapshot.loaded_nanos == desk.clock.now_nanos()
    assert live.last_failure is None


async def test_no_path_means_the_demonstration() -> None:
    live = await LiveCatalogue.open(None, ManualClock(), MemoryStore("replica"))

    assert live.snapshot.digest == digest_of(DEMONSTRATION.read_bytes())


async def test_a_bad_file_at_start_is_refused(desk: Desk) -> None:
    desk.path.write_bytes(BAD)

    with pytest.raises(CatalogueFault):
        await desk.open()


async def test_the_same_content_keeps_its_revision_across_restarts(desk: Desk) -> None:
    await desk.open()
    desk.path.write_bytes(SECOND)
    assert (await desk.open()).snapshot.revision == 2

    assert (await desk.open()).snapshot.revision == 2


async def test_content_that_comes_back_is_a_new_revision(desk: Desk) -> None:
    live = await desk.open()
    for content, revision in ((SECOND, 2), (FIRST, 3), (SECOND, 4)):
        desk.path.write_bytes(content)
        assert await live.reload()
        assert live.snapshot.revision == revision


async def test_a_reload_swaps_the_whole_catalogue(desk: Desk) -> None:
    live = await desk.open()
    before = live.snapshot
    desk.path.write_bytes(SECOND)
    desk.clock.advance(5)

    assert await live.reload()

    after = live.snapshot
    assert (after.revision, after.generation, after.digest) == (2, 2, digest_of(SECOND))
    assert after.loaded_nanos == desk.clock.now_nanos()
    assert list(before.models) == ["ember"]
    assert list(after.models) == ["ember", "labs/cobalt-2.1:free"]
    assert desk.changes == [after]


async def test_a_reload_of_the_same_content_changes_nothing(desk: Desk) -> None:
    live = await desk.open()
    before = live.snapshot

    assert not await live.reload()
    assert live.snapshot is before
    assert desk.changes == []


async def test_a_bad_reload_changes_nothing_and_is_visible(desk: Desk) -> None:
    live = await desk.open()
    before = live.snapshot
    desk.path.write_bytes(BAD)

    with pytest.raises(CatalogueFault) as refused:
        await live.reload()

    assert live.snapshot is before
    assert live.last_failure == ReloadFailure(desk.clock.now_nanos(), refused.value.complaints)
    assert desk.failures == [live.last_failure]


async def test_a_good_reload_ends_the_failure(desk: Desk) -> None:
    live = await desk.open()
    desk.path.write_bytes(BAD)
    with pytest.raises(CatalogueFault):
        await live.reload()
    desk.path.write_bytes(SECOND)

    assert await live.reload()
    assert live.last_failure is None


@pytest.mark.parametrize("content", [SECOND, FIRST])
async def test_validating_says_what_would_change_and_changes_nothing(desk: Desk, content: bytes) -> None:
    live = await desk.open()
    before = live.snapshot
    desk.path.write_bytes(content)

    assert await live.reload(validate_only=True) is (content != FIRST)
    assert live.snapshot is before


async def test_validating_a_bad_file_refuses_it_and_keeps_no_record(desk: Desk) -> None:
    live = await desk.open()
    desk.path.write_bytes(BAD)

    with pytest.raises(CatalogueFault):
        await live.reload(validate_only=True)

    assert live.last_failure is None
    assert desk.failures == []


async def test_a_revision_that_cannot_be_remembered_is_not_put_in_force(desk: Desk) -> None:
    live = await desk.open()
    before = live.snapshot
    desk.path.write_bytes(SECOND)
    await desk.facts.close()

    with pytest.raises(StoreFailure):
        await live.reload()
    assert live.snapshot is before


async def test_a_dated_price_comes_into_force_at_its_moment(desk: Desk) -> None:
    desk.path.write_bytes(SECOND)
    live = await desk.open()
    first = live.at(desk.clock.now_nanos())

    until = first.valid_until_nanos
    assert until is not None
    assert live.at(until - 1) is first
    second = live.at(until)

    assert (second.revision, second.generation) == (1, 2)
    assert second.loaded_nanos == first.loaded_nanos
    assert [offer.input_price for offer in first.offers] == [3_000_000_000, 0]
    assert [offer.input_price for offer in second.offers] == [2_000_000_000, 0]
    assert live.at(until) is second
    assert live.snapshot is second


async def test_moments_that_were_slept_through_are_one_new_snapshot(desk: Desk) -> None:
    desk.path.write_bytes(SECOND)
    live = await desk.open()

    last = live.at(JUNE_2026)

    assert (last.generation, last.valid_until_nanos) == (2, None)
    assert last.offers[0].input_price == 1_000_000_000
    assert live.at(JUNE_2026 + 1) is last


async def test_generations_go_on_through_prices_and_reloads(desk: Desk) -> None:
    desk.path.write_bytes(SECOND)
    live = await desk.open()
    live.at(JUNE_2026)
    desk.path.write_bytes(FIRST)
    await live.reload()

    assert (live.snapshot.revision, live.snapshot.generation) == (2, 3)


class CutOffFacts(MemoryStore):
    """A store whose caller is cancelled once, just after the fact was written."""

    cuts = 0

    async def write_fact(self, key: str, value: str) -> None:
        await super().write_fact(key, value)
        if self.cuts:
            self.cuts -= 1
            raise asyncio.CancelledError


async def test_a_reload_cut_off_in_the_middle_changes_nothing_and_can_be_repeated(desk: Desk) -> None:
    facts = desk.facts = CutOffFacts("replica")
    live = await desk.open()
    before = live.snapshot
    facts.cuts = 1
    desk.path.write_bytes(SECOND)
    with pytest.raises(asyncio.CancelledError):
        await live.reload()
    assert live.snapshot is before

    assert await live.reload()
    assert live.snapshot.revision == 2
