"""The learner across restarts: what was acknowledged is learned once, whatever was in the checkpoint."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.domain.clock import ManualClock
from atp_grpc.domain.outcome import Attempt, AttemptError, Observation, Recorded, Report
from atp_grpc.engine.contract import (
    CheckpointMismatchError,
    CorruptCheckpointError,
    EngineError,
    EngineParameters,
    Outcome,
)
from atp_grpc.engine.reference import ReferenceEngine
from atp_grpc.learning.learner import Learner, PriorRefusedError
from atp_grpc.learning.watching import Watch
from atp_grpc.store.memory import MemoryStore
from tests.unit.learning.examples import NOW, report_of, whole

PARAMETERS = EngineParameters(
    pool="default", schema_id="acme.v1", dimension=2, cost_scale_nano_usd=1e6, latency_scale_seconds=1.0
)


def learner_on(store: MemoryStore, refused: list[str] | None = None, **changes: Any) -> Learner:
    refusals = [] if refused is None else refused
    engine = ReferenceEngine(dataclasses.replace(PARAMETERS, **changes))
    return Learner(
        engine=engine,
        store=store,
        clock=ManualClock(NOW),
        pool="default",
        replica="r1",
        on_refused=lambda _, kind: refusals.append(kind),
        watch=Watch(engine, lambda alarm: pytest.fail(f"{alarm}")),
        on_prior=lambda: None,
    )


async def record(store: MemoryStore, number: int, quality: float) -> Observation:
    attempts = (Attempt("large", error=AttemptError.CUT), Attempt("small", latency_seconds=0.2))
    (answer,) = await store.record([report_of(f"d{number}", Report(quality=quality, attempts=attempts))])
    assert isinstance(answer, Recorded)
    assert answer.observation is not None
    return answer.observation


@settings(max_examples=25, deadline=None)
@given(qualities=st.lists(st.floats(0, 1), max_size=20), data=st.data())
async def test_a_restart_at_any_moment_ends_in_the_state_of_one_pass(
    qualities: list[float], data: st.DataObject
) -> None:
    store = MemoryStore("r1")
    checkpoint_after = data.draw(st.integers(0, len(qualities)))
    crash_after = data.draw(st.integers(checkpoint_after, len(qualities)))
    first = learner_on(store)
    await first.restore()
    for number, quality in enumerate(qualities):
        observation = await record(store, number, quality)
        if number < crash_after:
            first.learn(observation)
        if number + 1 == checkpoint_after:
            await first.checkpoint()
    second = learner_on(store)
    await second.restore()

    straight = learner_on(MemoryStore("r1"))
    for observation in await store.observations_after(0, 1000):
        straight.learn(observation)
    assert second._engine.checkpoint() == straight._engine.checkpoint()
    assert second.revision == straight.revision == 2 * len(qualities)
    assert second.learned_through == len(qualities)


async def test_learning_an_observation_twice_changes_nothing() -> None:
    store = MemoryStore("r1")
    learner = learner_on(store)
    observation = await record(store, 1, 0.7)
    assert learner.learn(observation) == 2
    before = learner._engine.checkpoint()
    assert learner.learn(observation) == 0
    assert learner._engine.checkpoint() == before


async def test_an_unlearnable_observation_is_reported_and_passed_over() -> None:
    store, refused = MemoryStore("r1"), list[str]()
    await record(store, 1, 0.7)
    wider = learner_on(store, refused, dimension=3)
    assert await wider.restore() == 0
    assert refused == ["InvalidOutcomeError", "InvalidOutcomeError"]
    assert wider.learned_through == 1


async def test_a_checkpoint_of_another_schema_is_left_and_the_observations_are_learned_anew() -> None:
    store = MemoryStore("r1")
    first = learner_on(store)
    first.learn(await record(store, 1, 0.7))
    await first.checkpoint()
    other = learner_on(store, half_life_nanos=3600 * 10**9)
    assert await other.restore() == 2


async def test_a_damaged_checkpoint_stops_the_start() -> None:
    store = MemoryStore("r1")
    await store.save_checkpoint("default", b"ATPENG1\nrubbish")
    with pytest.raises(CorruptCheckpointError):
        await learner_on(store).restore()


async def test_a_damaged_checkpoint_is_discarded_when_the_operator_says_so() -> None:
    store = MemoryStore("r1")
    await record(store, 1, 0.7)
    await store.save_checkpoint("default", b"ATPENG1\nrubbish")
    learner = learner_on(store)
    assert await learner.restore(discard_damaged=True) == 2
    assert await learner.checkpoint() == 1
    again = learner_on(store)
    assert await again.restore() == 0
    assert again.revision == 2


async def test_a_checkpoint_is_written_only_when_something_was_learned() -> None:
    store = MemoryStore("r1")
    learner = learner_on(store)
    learner.learn(await record(store, 1, 0.7))
    assert await learner.checkpoint() == 1
    await store.save_checkpoint("default", b"marker")
    assert await learner.checkpoint() == 1
    assert await store.load_checkpoint("default") == b"marker"


def prior(replica: str = "prior", count: int = 3, **changes: Any) -> bytes:
    engine = ReferenceEngine(dataclasses.replace(PARAMETERS, **changes))
    for sequence in range(1, count + 1):
        engine.learn(Outcome("small", replica, sequence, NOW, NOW, bytes(4 * engine.parameters.dimension), 0.25))
    return engine.checkpoint()


async def test_a_prior_counts_and_what_is_learned_comes_on_top_also_after_a_restart() -> None:
    store = MemoryStore("r1")
    learner = learner_on(store)
    assert await learner.restore() == 0
    learner.adopt(prior())
    assert (learner.revision, learner._engine.checkpoint()) == (3, prior())
    assert learner.learn(await record(store, 1, 0.7)) == 2
    assert learner.revision == 5
    await learner.checkpoint()
    again = learner_on(store)
    assert await again.restore() == 0
    assert again.revision == 5
    assert again._engine.checkpoint() == learner._engine.checkpoint()


async def test_a_prior_alone_is_written_with_the_next_checkpoint() -> None:
    store = MemoryStore("r1")
    learner = learner_on(store)
    await learner.restore()
    await learner.checkpoint()
    learner.adopt(prior())
    await learner.checkpoint()
    assert await store.load_checkpoint("default") == prior()


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"ATPENG1\nrubbish", CorruptCheckpointError),
        (prior()[:-1], CorruptCheckpointError),
        (prior(dimension=3), CheckpointMismatchError),
        (prior(schema_id="other.v1"), CheckpointMismatchError),
        (prior(pool="other"), CheckpointMismatchError),
        (prior(half_life_nanos=3600 * 10**9), CheckpointMismatchError),
        (prior(replica="r1"), PriorRefusedError),
    ],
)
async def test_a_prior_that_does_not_fit_is_refused_and_changes_nothing(
    data: bytes, error: type[EngineError | PriorRefusedError]
) -> None:
    store = MemoryStore("r1")
    learner = learner_on(store)
    await learner.restore()
    before = learner._engine.checkpoint()
    with pytest.raises(error):
        learner.adopt(data)
    assert (learner.revision, learner._engine.checkpoint()) == (0, before)
    assert learner.learn(await record(store, 1, 0.7)) == 2


async def test_a_prior_that_comes_later_counts_as_if_it_had_come_first() -> None:
    early, late = learner_on(MemoryStore("r1")), learner_on(MemoryStore("r1"))
    observation = await record(MemoryStore("r1"), 1, 0.7)
    early.adopt(prior())
    assert early.learn(observation) == late.learn(observation) == 2
    late.adopt(prior())
    assert (early.revision, late.revision) == (5, 5)
    assert whole(late._engine.checkpoint()) == pytest.approx(whole(early._engine.checkpoint()), rel=1e-9)


async def test_outcomes_that_are_known_are_not_taken_in_twice() -> None:
    learner = learner_on(MemoryStore("r1"))
    learner.adopt(prior())
    with pytest.raises(PriorRefusedError, match="known already"):
        learner.adopt(prior(count=4))
    assert learner._engine.checkpoint() == prior()
    learner.adopt(prior(replica="another"))
    assert learner.revision == 6


async def test_a_learner_that_succeeds_another_knows_what_it_knew() -> None:
    store = MemoryStore("r1")
    first, second = learner_on(store), learner_on(store, epsilon=0.5)
    first.learn(await record(store, 1, 0.7))
    assert second.succeed(first)
    assert (second.revision, second.learned_through) == (2, 1)
    assert second._engine.checkpoint() == first._engine.checkpoint()
    assert second.learn(await record(store, 2, 0.5)) == 2
    assert (first.revision, first.learned_through) == (2, 1)


async def test_a_learner_of_another_half_life_cannot_succeed_and_stays_as_it_was() -> None:
    store = MemoryStore("r1")
    first, other = learner_on(store), learner_on(store, half_life_nanos=3600 * 10**9)
    first.learn(await record(store, 1, 0.7))
    before = other._engine.checkpoint()
    assert not other.succeed(first)
    assert (other.revision, other._engine.checkpoint()) == (0, before)


async def test_what_is_of_another_schema_teaches_nothing_and_is_reported_by_the_policy_that_decided() -> None:
    store, refused = MemoryStore("r1"), list[str]()
    observation = await record(store, 1, 0.7)
    own = learner_on(store, refused, schema_id="other.v1")
    assert own.learn(observation) == 0
    assert (own.learned_through, refused) == (1, ["another schema"])
    revisions = observation.lesson.revisions._replace(policy="another")
    foreign = observation._replace(lesson=observation.lesson._replace(revisions=revisions))
    assert own.learn(foreign) == 0
    assert refused == ["another schema"]


async def test_a_checkpoint_that_was_dropped_is_none() -> None:
    store = MemoryStore("r1")
    await record(store, 1, 0.7)
    await store.save_checkpoint("default", b"")
    assert await learner_on(store).restore() == 2
