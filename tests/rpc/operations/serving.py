"""A server that lets faults be injected, and the calls that do it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from atp_grpc.client import AtpClient
from atp_grpc.client.messages import ChaosCount, ChaosRule, SetChaosRequest
from atp_grpc.config import AskSettings, ChaosSettings
from tests.rpc.serving import Serving, serving


@asynccontextmanager
async def breakable(data_dir: Path, **sections: Any) -> AsyncIterator[Serving]:
    async with serving(
        data_dir, chaos=ChaosSettings(allowed=True), **{"ask": AskSettings(backoff_base_seconds=0.001), **sections}
    ) as server:
        yield server


def fault(target: str, kind: str, share: float = 1.0, **fields: Any) -> ChaosRule:
    return ChaosRule(target=f"CHAOS_TARGET_{target}", fault=f"CHAOS_FAULT_{kind}", probability=share, **fields)


async def inject(atp: AtpClient, target: str, *rules: ChaosRule, seed: int = 1) -> Sequence[ChaosCount]:
    request = SetChaosRequest(target=f"CHAOS_TARGET_{target}", rules=rules, seed=seed)
    return (await atp.operations.set_chaos(request)).rules
