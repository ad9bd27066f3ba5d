"""Picks the store, and puts faults on purpose around it where the configuration allows them.

Entered once per process by the composition root.
"""

from __future__ import annotations

from pathlib import Path

from atp_grpc.app.engines import is_native
from atp_grpc.app.identity import fresh_name
from atp_grpc.app.instruments import Instruments
from atp_grpc.app.observing import pick_encode
from atp_grpc.chaos import Chaos
from atp_grpc.config import Settings
from atp_grpc.domain.clock import Clock
from atp_grpc.store.chaos import ChaosStore
from atp_grpc.store.contract import LedgerStore
from atp_grpc.store.memory import MemoryStore
from atp_grpc.store.sqlite import open_sqlite_store


async def open_store(settings: Settings, clock: Clock, instruments: Instruments, chaos: Chaos) -> LedgerStore:
    """The store of the settings.

    Raises:
        StoreFailure: it cannot be opened.
    """
    store = await _open(settings, clock, instruments)
    return ChaosStore(store, chaos) if chaos.is_allowed else store


async def _open(settings: Settings, clock: Clock, instruments: Instruments) -> LedgerStore:
    if settings.store.kind == "memory":
        return MemoryStore(fresh_name())
    is_rust_here = is_native(settings.engine.kind, settings.engine.native_share)
    encode = pick_encode(is_native=is_rust_here, on_fault=instruments.native_part_failed)
    return await open_sqlite_store(Path(settings.data_dir) / "atp.db", replica=fresh_name(), clock=clock, encode=encode)
