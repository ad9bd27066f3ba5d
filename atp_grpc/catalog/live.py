"""The catalogue in force: swapped whole or not at all, and kept when the file goes bad.

Routing asks for the snapshot of a moment, operators for a reload, and a background task watches the file. The revision
of a content is remembered in the store, so a restart does not number the same content anew. It never edits the file.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from atp_grpc.catalog.endpoints import JudgeAddress, accept_all
from atp_grpc.catalog.loader import (
    DEMONSTRATION,
    Catalogue,
    CatalogueFault,
    digest_of,
    parse_catalogue,
    read_bytes,
    read_catalogue,
)
from atp_grpc.catalog.snapshot import Snapshot, build_snapshot
from atp_grpc.domain.clock import Clock
from atp_grpc.store.contract import Store, StoreFailure

_FACT = "catalog.revision"


@dataclass(frozen=True, slots=True)
class ReloadFailure:
    """Why the file cannot be used, and since when."""

    failed_nanos: int
    complaints: tuple[str, ...]


class LiveCatalogue:
    """Holds the snapshot in force. Made by `open`."""

    def __init__(
        self,
        path: Path,
        clock: Clock,
        facts: Store,
        catalogue: Catalogue,
        snapshot: Snapshot,
        *,
        judge: JudgeAddress,
        on_change: Callable[[Snapshot], None],
        on_failure: Callable[[ReloadFailure], None],
    ) -> None:
        self._path = path
        self._judge = judge
        self._clock = clock
        self._facts = facts
        self._on_change = on_change
        self._on_failure = on_failure
        self._catalogue = catalogue
        self._snapshot = snapshot
        self._last_failure: ReloadFailure | None = None
        self._reloading = asyncio.Lock()
        # What the last look found, and what was last acted upon: the watch acts only when two looks agree.
        self._seen = self._judged = catalogue.digest

    @classmethod
    async def open(
        cls,
        path: Path | None,
        clock: Clock,
        facts: Store,
        *,
        judge: JudgeAddress = accept_all,
        on_change: Callable[[Snapshot], None] = lambda _: None,
        on_failure: Callable[[ReloadFailure], None] = lambda _: None,
    ) -> LiveCatalogue:
        """Reads the file for the first time.

        Args:
            path: the file; None stands for the built-in demonstration catalogue.
            clock: dates snapshots and failures.
            facts: remembers the revision.
            judge: says what is wrong with the address of an endpoint.
            on_change: hears of every new content that was put in force.
            on_failure: hears of every content that could not be; of one that stays bad, once.

        Raises:
            CatalogueFault: the file cannot be read or used.
            StoreFailure: its revision could not be remembered.
        """
        path = path or DEMONSTRATION
        catalogue = await asyncio.to_thread(read_catalogue, path, judge)
        revision = await _number(catalogue.digest, facts)
        snapshot = build_snapshot(catalogue, revision=revision, generation=1, now_nanos=clock.now_nanos())
        return cls(path, clock, facts, catalogue, snapshot, judge=judge, on_change=on_change, on_failure=on_failure)

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot in force when it was last asked for."""
        return self._snapshot

    @property
    def last_failure(self) -> ReloadFailure | None:
        """Why the file as it is now is not in force; None when it is."""
        return self._last_failure

    def at(self, now_nanos: int) -> Snapshot:
        """The snapshot of a moment: a new one, of the next generation, once a dated price has come into force."""
        snapshot = self._snapshot
        if snapshot.valid_until_nanos is not None and now_nanos >= snapshot.valid_until_nanos:
            self._snapshot = snapshot = build_snapshot(
                self._catalogue,
                revision=snapshot.revision,
                generation=snapshot.generation + 1,
                now_nanos=now_nanos,
                loaded_nanos=snapshot.loaded_nanos,
            )
        return snapshot

    async def reload(self, *, validate_only: bool = False) -> bool:
        """Reads the file now and says whether its content differs from what was in force.

        Args:
            validate_only: judge the file and change nothing, not even the record of failures.

        Raises:
            CatalogueFault: the file cannot be read or used; what is in force stays.
            StoreFailure: the new revision could not be remembered; what is in force stays.
        """
        async with self._reloading:
            found, seen = await asyncio.to_thread(_find, self._path)
            try:
                catalogue = await self._parse(found)
                has_changed = catalogue.digest != self._catalogue.digest
                if not validate_only:
                    await self._take(catalogue)
            except CatalogueFault as fault:
                if not validate_only:
                    self._note_failure(fault.complaints)
                    self._seen = self._judged = seen
                raise
            return has_changed

    async def watch(
        self, interval_seconds: float, *, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    ) -> None:
        """Looks at the file again and again, until cancelled; a bad file never ends it."""
        while True:
            await sleep(interval_seconds)
            await self.look()

    async def look(self) -> None:
        """Takes a changed file once two looks in a row find the same content, so that a half-written one is left alone.

        What goes wrong is kept as `last_failure`; what is in force stays.
        """
        async with self._reloading:
            found, seen = await asyncio.to_thread(_find, self._path)
            is_settled, self._seen = seen == self._seen, seen
            if not is_settled or seen == self._judged:
                return
            try:
                await self._take(await self._parse(found))
            except CatalogueFault as fault:
                self._note_failure(fault.complaints)
                self._judged = seen
            except StoreFailure:
                # Nothing is judged: the next look tries again, and clears the failure when there is nothing to try.
                self._judged = ""
                self._note_failure((f"{self._path.name}: the store could not remember the new revision",))

    async def _parse(self, found: bytes | CatalogueFault) -> Catalogue:
        if isinstance(found, CatalogueFault):
            raise found
        return await asyncio.to_thread(parse_catalogue, found, self._path.name, self._judge)

    async def _take(self, catalogue: Catalogue) -> None:
        """Puts a catalogue in force, if it is another one.

        Raises:
            StoreFailure: the new revision could not be remembered; nothing has changed.
        """
        if catalogue.digest != self._catalogue.digest:
            revision = await _number(catalogue.digest, self._facts)
            generation = self._snapshot.generation + 1
            now_nanos = self._clock.now_nanos()
            self._snapshot = build_snapshot(catalogue, revision=revision, generation=generation, now_nanos=now_nanos)
            self._catalogue = catalogue
            self._on_change(self._snapshot)
        self._seen = self._judged = catalogue.digest
        self._last_failure = None

    def _note_failure(self, complaints: tuple[str, ...]) -> None:
        """Keeps a failure, unless it is still the last one."""
        if self._last_failure is None or self._last_failure.complaints != complaints:
            self._last_failure = ReloadFailure(self._clock.now_nanos(), complaints)
            self._on_failure(self._last_failure)


async def _number(digest: str, facts: Store) -> int:
    """The revision of a content: the remembered one when it was the last, else the next, kept before it is used."""
    remembered = json.loads(await facts.read_fact(_FACT) or '{"revision": 0, "digest": ""}')
    revision = int(remembered["revision"])
    if remembered["digest"] != digest:
        revision += 1
        await facts.write_fact(_FACT, json.dumps({"revision": revision, "digest": digest}))
    return revision


def _find(path: Path) -> tuple[bytes | CatalogueFault, str]:
    """The content of the file, or why there is none; and what tells it from another."""
    try:
        data = read_bytes(path)
    except CatalogueFault as fault:
        return fault, str(fault)
    return data, digest_of(data)
