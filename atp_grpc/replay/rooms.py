"""Rooms for a replay: the real router, engine and observer, with a store in memory, a clock to move and no socket.

Passes, priors and whoever needs the features of texts enter here. What the rooms write goes to a folder that is gone
when they close. It never changes how anything is decided, beside the prices and the cost weight it is told.
"""

from __future__ import annotations

import asyncio
import dataclasses
import io
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from atp_grpc.app.identity import Draws
from atp_grpc.app.rooms import Rooms, open_rooms
from atp_grpc.config import CatalogSettings, Settings, StoreSettings
from atp_grpc.domain.clock import ManualClock
from atp_grpc.domain.money import NANO_PER_USD
from atp_grpc.replay.aim import AIMLESS, Aim
from atp_grpc.replay.pricing import Tariff

SECONDS_PER_REQUEST: Final = 1.0
NEVER: Final = 3600.0
"""Seconds between two rounds of upkeep: longer than any pass takes."""


@asynccontextmanager
async def replay_rooms(
    settings: Settings, tariff: Tariff, clock: ManualClock, aim: Aim = AIMLESS, *, draws: Draws | None = None
) -> AsyncIterator[Rooms]:
    """Rooms under the policy of the settings, with another aim, at the prices of a tariff.

    Raises:
        CatalogueFault: a model's name cannot stand in a catalogue.
        EngineMissingError, EngineSelfTestError, DamagedTextTableError: the engine that the settings ask for cannot be
            had.
    """
    with tempfile.TemporaryDirectory(prefix="atp-replay-") as folder:
        catalogue = Path(folder) / "catalog.toml"
        # A ceiling is refused when a nominal request costs more, and requests of a file may be far from nominal.
        first = tariff if aim.ceiling_usd_per_1k is None else tariff.without_prices()
        catalogue.write_text(first.catalogue(), encoding="utf-8")
        in_force = dataclasses.replace(
            settings,
            data_dir=Path(folder) / "data",
            store=StoreSettings(kind="memory"),
            catalog=CatalogSettings(path=str(catalogue), watch_interval_seconds=NEVER),
            policy=dataclasses.replace(
                aim.on(settings.policy), cost_scale_usd=tariff.cost_scale_nano_usd / NANO_PER_USD
            ),
            learning=dataclasses.replace(settings.learning, checkpoint_interval_seconds=NEVER),
            telemetry=dataclasses.replace(settings.telemetry, log_level="error", traces_endpoint=""),
        )
        async with open_rooms(in_force, clock=clock, log_stream=io.StringIO(), draws=draws) as rooms:
            if first is not tariff:
                await change_tariff(rooms, tariff)
            yield rooms


async def change_tariff(rooms: Rooms, tariff: Tariff) -> None:
    """Puts other prices, or other models, in force at once, as an operator does by changing the catalogue's file."""
    _write_catalogue(rooms.settings.catalog.path, tariff)
    await rooms.catalogue.reload()


def _write_catalogue(path: str, tariff: Tariff) -> None:
    Path(path).write_text(tariff.catalogue(), encoding="utf-8")


def features_of(settings: Settings, tariff: Tariff, texts: Sequence[str]) -> tuple[bytes, ...]:
    """The features of texts as the engine of the settings sees them; raises what `replay_rooms` raises."""

    async def computed() -> tuple[bytes, ...]:
        async with replay_rooms(settings, tariff, ManualClock()) as rooms:
            return tuple(map(rooms.engine.features, texts))

    return asyncio.run(computed())
