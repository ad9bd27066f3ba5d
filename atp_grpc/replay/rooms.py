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
from atp_grpc.replay.pricing import Tariff

SECONDS_PER_REQUEST: Final = 1.0
NEVER: Final = 3600.0
"""Seconds between two rounds of upkeep: longer than any pass takes."""


@asynccontextmanager
async def replay_rooms(
    settings: Settings, tariff: Tariff, clock: ManualClock, *, cost_weight: float = 0.0, draws: Draws | None = None
) -> AsyncIterator[Rooms]:
    """Rooms under the policy of the settings, at the prices of a tariff.

    Raises:
        CatalogueFault: a model's name cannot stand in a catalogue.
        EngineMissingError, EngineSelfTestError, DamagedTextTableError: the engine that the settings ask for cannot be
            had.
    """
    with tempfile.TemporaryDirectory(prefix="atp-replay-") as folder:
        catalogue = Path(folder) / "catalog.toml"
        catalogue.write_text(tariff.catalogue(), encoding="utf-8")
        in_force = dataclasses.replace(
            settings,
            data_dir=Path(folder) / "data",
            store=StoreSettings(kind="memory"),
            catalog=CatalogSettings(path=str(catalogue), watch_interval_seconds=NEVER),
            policy=dataclasses.replace(
                settings.policy,
                cost_weight=cost_weight,
                cost_scale_usd=tariff.cost_scale_nano_usd / NANO_PER_USD,
            ),
            learning=dataclasses.replace(settings.learning, checkpoint_interval_seconds=NEVER),
            telemetry=dataclasses.replace(settings.telemetry, log_level="error", traces_endpoint=""),
        )
        async with open_rooms(in_force, clock=clock, log_stream=io.StringIO(), draws=draws) as rooms:
            yield rooms


def features_of(settings: Settings, tariff: Tariff, texts: Sequence[str]) -> tuple[bytes, ...]:
    """The features of texts as the engine of the settings sees them; raises what `replay_rooms` raises."""

    async def computed() -> tuple[bytes, ...]:
        async with replay_rooms(settings, tariff, ManualClock()) as rooms:
            return tuple(map(rooms.engine.features, texts))

    return asyncio.run(computed())
