"""A version of a policy takes over all that the one before knows, also what came while it was made ready."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import pytest

from atp_grpc.app.rooms import Rooms, open_rooms
from atp_grpc.config import PolicySettings, Settings
from atp_grpc.domain.call import Call
from atp_grpc.domain.clock import ManualClock
from atp_grpc.domain.outcome import Report
from atp_grpc.domain.policy import RoutingPolicy
from atp_grpc.domain.request import RouteRequest
from atp_grpc.domain.tenant import Principal
from atp_grpc.engine.contract import Outcome
from atp_grpc.engine.merging import scale
from atp_grpc.engine.reference import ReferenceEngine
from atp_grpc.learning.observer import Reference
from atp_grpc.learning.prior import Prior, PriorHeader, digest_of, encode_prior, mark_of

CALL = Call("m", Principal("acme", "key", frozenset()), 1e9, "trace")
ROWS = 3


def prior_for(rooms: Rooms) -> bytes:
    """Outcomes of one model of the catalogue, as a file holds them."""
    engine = ReferenceEngine(dataclasses.replace(rooms.engine.parameters, pool="elsewhere"))
    model, features = "ember-nano", bytes(4 * rooms.engine.parameters.dimension)
    now = rooms.clock.now_nanos()
    for sequence in range(1, ROWS + 1):
        engine.learn(Outcome(model, "prior", sequence, now, now, features, 0.25))
    return encode_prior(Prior(PriorHeader((model,), ROWS, 1.0), scale(engine.checkpoint(), 1.0)))


def with_other_engine(policy: RoutingPolicy) -> RoutingPolicy:
    learning = dataclasses.replace(policy.terms.learning, scale=policy.terms.learning.scale * 2)
    return dataclasses.replace(
        policy, version=policy.version + 1, terms=dataclasses.replace(policy.terms, learning=learning)
    )


async def learn_one(rooms: Rooms) -> None:
    routed = rooms.router.route(RouteRequest(text="What is 2 + 2?"), CALL)
    await rooms.observer.observe(Reference(token=routed.token), Report(quality=0.5), CALL)


@pytest.mark.parametrize("is_imported_before", [True, False])
async def test_a_prior_that_comes_while_a_version_is_made_ready_is_known_to_it(
    tmp_path: Path, *, is_imported_before: bool
) -> None:
    policy = PolicySettings(feature_schema="flags.v1", feature_dimension=15)
    settings = Settings(profile="ci", data_dir=tmp_path, policy=policy)
    async with open_rooms(settings, clock=ManualClock(), log_stream=io.StringIO()) as rooms:
        old, data = rooms.learner, prior_for(rooms)
        if is_imported_before:
            await old.import_prior(data)
        async with rooms.branches.preparing(with_other_engine(rooms.policy)) as put_in_force:
            await learn_one(rooms)
            if not is_imported_before:
                await old.import_prior(data)
            put_in_force()

        new = rooms.branches.named("default")
        assert new.learner is not old
        summary = new.picked.engine.summary(rooms.clock.now_nanos())
        assert mark_of(digest_of(data)) in summary.high_water
        assert new.learner.latest_prior == old.latest_prior
        # Three rows and one report, each of them once.
        assert new.learner.revision == old.revision == summary.learned == ROWS + 1
