"""The watch serves what the files hold once they rest, and keeps the last good pair through every accident to them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from atp_grpc.domain.clock import NANOS_PER_SECOND, ManualClock
from atp_grpc.transport.certificate import LiveCertificate
from atp_grpc.transport.tls import Pair, PairFiles, UnusablePairError
from tests.authority import DAY, Authority, Issued

AUTHORITY = Authority()
FIRST, SECOND = AUTHORITY.issue(), AUTHORITY.issue(middle=True)


@dataclass
class Desk:
    """Files that a test may change, and what came of it."""

    folder: Path
    clock: ManualClock = field(default_factory=lambda: ManualClock(time.time_ns()))
    served: list[Pair] = field(default_factory=list)
    changes: list[Pair] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    fault: Exception | None = None

    @property
    def certificate(self) -> Path:
        return self.folder / "tls.crt"

    @property
    def key(self) -> Path:
        return self.folder / "tls.key"

    def put(self, issued: Issued) -> None:
        issued.write(self.certificate, self.key)

    async def open(self) -> LiveCertificate:
        self.put(FIRST)
        return await LiveCertificate.open(
            PairFiles(str(self.certificate), str(self.key)),
            self.clock,
            on_change=self.changes.append,
            on_failure=self.failures.append,
        )

    async def swap(self, pair: Pair) -> None:
        if self.fault is not None:
            raise self.fault
        self.served.append(pair)

    async def look_twice(self, live: LiveCertificate) -> None:
        await live.look(self.swap)
        await live.look(self.swap)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def test_a_new_pair_is_served_once_two_looks_agree(desk: Desk) -> None:
    live = await desk.open()
    desk.put(SECOND)

    await live.look(desk.swap)
    assert desk.served == []
    await live.look(desk.swap)
    assert [pair.certificate for pair in desk.served] == [SECOND.certificate]
    assert live.pair.certificate == SECOND.certificate
    assert desk.changes == desk.served


async def test_what_has_not_changed_is_never_swapped(desk: Desk) -> None:
    live = await desk.open()
    desk.put(FIRST)
    await desk.look_twice(live)

    assert desk.served == []


async def test_files_being_written_are_left_alone_until_they_rest(desk: Desk) -> None:
    live = await desk.open()
    for length in range(0, len(SECOND.certificate), 97):
        desk.certificate.write_bytes(SECOND.certificate[:length])
        await live.look(desk.swap)
    desk.put(SECOND)
    await desk.look_twice(live)

    assert desk.failures == []
    assert [pair.certificate for pair in desk.served] == [SECOND.certificate]


def _cut(desk: Desk) -> None:
    desk.certificate.write_bytes(SECOND.certificate[:200])


def _wrong_key(desk: Desk) -> None:
    desk.key.write_bytes(SECOND.key)


def _empty(desk: Desk) -> None:
    desk.certificate.write_bytes(b"")
    desk.key.write_bytes(b"")


def _delete(desk: Desk) -> None:
    desk.certificate.unlink()
    desk.key.unlink()


def _make_folder(desk: Desk) -> None:
    desk.key.unlink()
    desk.key.mkdir()


def _expired(desk: Desk) -> None:
    desk.put(AUTHORITY.issue(begins=-2 * DAY, life=DAY))


ACCIDENTS: list[Callable[[Desk], None]] = [_cut, _wrong_key, _empty, _delete, _make_folder, _expired]


@pytest.mark.parametrize("accident", ACCIDENTS)
async def test_an_accident_is_told_once_and_the_last_good_pair_stays(
    desk: Desk, accident: Callable[[Desk], None]
) -> None:
    live = await desk.open()
    accident(desk)
    for _ in range(4):
        await live.look(desk.swap)

    assert (desk.served, live.pair.certificate) == ([], FIRST.certificate)
    assert len(desk.failures) == 1
    assert live.status.failure == desk.failures[0]

    if desk.key.is_dir():
        desk.key.rmdir()
    desk.put(SECOND)
    await desk.look_twice(live)
    assert [pair.certificate for pair in desk.served] == [SECOND.certificate]
    assert live.status.failure == ""


async def test_going_back_to_the_old_files_ends_the_failure_without_a_swap(desk: Desk) -> None:
    live = await desk.open()
    _delete(desk)
    await desk.look_twice(live)
    desk.put(FIRST)
    await desk.look_twice(live)

    assert live.status.failure == ""
    assert desk.served == []


async def test_a_certificate_that_comes_into_its_time_is_served_without_another_change(desk: Desk) -> None:
    live = await desk.open()
    desk.put(AUTHORITY.issue(begins=DAY))
    await desk.look_twice(live)
    assert "is not valid before" in live.status.failure

    desk.clock.advance(2 * 86_400)
    await live.look(desk.swap)
    assert len(desk.served) == 1


async def test_a_swap_that_fails_is_told_and_tried_again(desk: Desk) -> None:
    live = await desk.open()
    desk.put(SECOND)
    desk.fault = RuntimeError("swordfish")
    await desk.look_twice(live)
    assert live.pair.certificate == FIRST.certificate
    assert desk.failures == ["the new certificate could not be put in force (RuntimeError)"]

    desk.fault = None
    await live.look(desk.swap)
    assert live.pair.certificate == SECOND.certificate
    assert live.status.failure == ""


async def test_the_status_says_who_is_served_and_until_when(desk: Desk) -> None:
    status = (await desk.open()).status

    assert status.subject == "CN=atp"
    assert status.expires_nanos / NANOS_PER_SECOND == pytest.approx(time.time() + 29 * 86_400, abs=3_600)


async def test_the_first_pair_must_be_good(desk: Desk) -> None:
    with pytest.raises(UnusablePairError):
        await LiveCertificate.open(PairFiles(str(desk.certificate), str(desk.key)), desk.clock)


async def test_the_watch_looks_at_every_interval_and_outlives_bad_files(desk: Desk) -> None:
    live = await desk.open()
    slept: list[float] = []
    steps = [lambda: _cut(desk), lambda: None, lambda: desk.put(SECOND), lambda: None, lambda: None]

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if not steps:
            raise asyncio.CancelledError
        steps.pop(0)()

    with pytest.raises(asyncio.CancelledError):
        await live.watch(desk.swap, 0.5, sleep=sleep)
    assert set(slept) == {0.5}
    assert len(desk.failures) == 1
    assert live.pair.certificate == SECOND.certificate
