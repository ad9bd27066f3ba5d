"""What the books say once a server is at rest: its budget beside every bill in its store."""

from __future__ import annotations

from atp_grpc.client.messages import Budget
from atp_grpc.domain.outcome import Observation
from atp_grpc.learning.rewards import total_cost_nano_usd
from tests.faults.asking.world import World
from tests.rpc.serving import ACME
from tests.rpc.spending import standing
from tests.rpc.waiting import eventually

LARGE = 10**12
"""A budget that nothing here uses up, in nano-US-dollars."""
QUIET = {"first_token": 5.0, "between_chunks": 5.0, "total": 20.0}
"""Limits of time that no machine is slow enough to pass."""


def bill_of(observation: Observation) -> int:
    return total_cost_nano_usd(observation.recorded, observation.lesson) or 0


async def bills(at: World) -> dict[str, int]:
    """Every bill in the store, by its decision."""
    kept = await at.server.app.rooms.store.observations_after(0, 1_000_000)
    assert len({one.lesson.decision_id for one in kept}) == len(kept), "a decision was billed twice"
    return {one.lesson.decision_id: bill_of(one) for one in kept}


async def settled(at: World) -> tuple[Budget, dict[str, int]]:
    """The budget and the bills once nothing is under way, every bill is counted, and nothing is set aside for a call.

    What is still held is the lease that the server keeps for calls to come.
    """
    await at.at_rest()
    rooms = at.server.app.rooms

    def is_settled(seen: tuple[Budget, dict[str, int]]) -> bool:
        budget, kept = seen
        lease = rooms.money.budgets.headroom(ACME, rooms.clock.now_nanos())
        return budget.spent_nano_usd == sum(kept.values()) and budget.held_nano_usd == lease

    async def look() -> tuple[Budget, dict[str, int]]:
        return await standing(at.server), await bills(at)

    return await eventually(look, is_it=is_settled)
