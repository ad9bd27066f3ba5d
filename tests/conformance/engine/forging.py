"""Checkpoints that no engine wrote: a taught engine, its state taken apart, and anything put together as a state.

Entered by the tests of the checkpoint. The digest around a forgery is always sound, so that what is refused is refused
for its content.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import struct
from typing import TYPE_CHECKING, Any, Final

from atp_grpc.engine.checkpoint import MAGIC
from atp_grpc.engine.self_test import pack
from tests.conformance.engine.world import ARMS, HOUR, OFFERS, OWN, outcome

if TYPE_CHECKING:
    from atp_grpc.engine.contract import Engine, EngineParameters
    from tests.conformance.engine.conftest import EngineFactory

AGEING: Final = dataclasses.replace(OWN, half_life_nanos=HOUR)


def taught(make_engine: EngineFactory, chosen_parameters: EngineParameters = AGEING) -> Engine:
    engine = make_engine(chosen_parameters)
    engine.load(ARMS, OFFERS, 1)
    for sequence, name in enumerate(("giant", "groß", "tiny", "giant")):
        engine.learn(
            outcome(
                sequence,
                arm=name,
                features=pack([0.1 * sequence, -1.0, 0.5]),
                quality=0.3 * sequence,
                output_tokens=80.0,
                latency_seconds=1.5,
                failed=sequence == 2,
                predicted_mean=0.4,
                predicted_linear=0.6,
                tenant=("acme", "büro", None, "acme")[sequence],
            )
        )
    return engine


def split(state: bytes) -> tuple[dict[str, Any], list[float]]:
    (length,) = struct.unpack_from("<I", state, len(MAGIC))
    start = len(MAGIC) + 4 + length
    payload = state[start:-32]
    return json.loads(state[len(MAGIC) + 4 : start]), list(struct.unpack(f"<{len(payload) // 8}d", payload))


def join(header: dict[str, Any] | bytes, payload: list[float]) -> bytes:
    """A checkpoint with a sound digest around whatever it is given."""
    if isinstance(header, dict):
        header = json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    body = MAGIC + struct.pack("<I", len(header)) + header + struct.pack(f"<{len(payload)}d", *payload)
    return body + hashlib.sha256(body).digest()
