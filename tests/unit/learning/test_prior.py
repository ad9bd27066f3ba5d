"""A prior says what it holds, is refused when a byte is wrong, and is learned for good when it is imported."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.domain.clock import ManualClock
from atp_grpc.domain.outcome import Attempt, Recorded, Report
from atp_grpc.engine.checkpoint import decode
from atp_grpc.engine.contract import (
    CheckpointMismatchError,
    CorruptCheckpointError,
    EngineParameters,
    Outcome,
)
from atp_grpc.engine.reference import ReferenceEngine
from atp_grpc.learning.learner import Learner, PriorRefusedError
from atp_grpc.learning.prior import (
    MAGIC,
    Prior,
    PriorFault,
    PriorHeader,
    Spend,
    Trial,
    decode_prior,
    digest_of,
    encode_prior,
    fitted,
)
from atp_grpc.learning.watching import Watch
from atp_grpc.store.contract import Store
from atp_grpc.store.memory import MemoryStore
from atp_grpc.store.sqlite import open_sqlite_store
from tests.unit.learning.examples import NOW, report_of, whole

PARAMETERS = EngineParameters(
    pool="default", schema_id="acme.v1", dimension=2, cost_scale_nano_usd=1e6, latency_scale_seconds=1.0
)
SPENDING = (Spend(0.0, 900.0), Spend(0.1, 700.0), Spend(1.0, 70.0), Spend(10.0, 7.0))


def prior_of(count: int = 3, *, models: tuple[str, ...] = ("large", "small"), **changes: Any) -> bytes:
    """A prior of a pool called otherwise, in which every model was right once in four times."""
    engine = ReferenceEngine(dataclasses.replace(PARAMETERS, pool="elsewhere", **changes))
    features, sequence = bytes(4 * engine.parameters.dimension), 0
    for _ in range(count):
        for model in models:
            sequence += 1
            engine.learn(Outcome(model, "prior", sequence, NOW, NOW, features, 0.25))
    header = PriorHeader(tuple(sorted(models)), count, 0.5, (Trial(0.5, 0.01), Trial(1.0, 0.02)), 1000.0, SPENDING)
    return encode_prior(Prior(header, engine.checkpoint()))


def learner_on(store: Store, **changes: Any) -> Learner:
    engine = ReferenceEngine(dataclasses.replace(PARAMETERS, **changes))
    return Learner(
        engine=engine,
        store=store,
        clock=ManualClock(NOW),
        pool="default",
        replica="r1",
        on_refused=lambda _, kind: pytest.fail(kind),
        watch=Watch(engine, lambda alarm: pytest.fail(f"{alarm}")),
        on_prior=lambda: None,
    )


def known(learner: Learner) -> bytes:
    return learner._engine.checkpoint()


def test_what_is_written_is_read_again() -> None:
    data = prior_of()
    prior = decode_prior(data)
    assert encode_prior(prior) == data
    assert prior.header.models == ("large", "small")
    assert (prior.header.rows, prior.header.row_weight) == (3, 0.5)
    assert prior.header.trials == (Trial(0.5, 0.01), Trial(1.0, 0.02))
    assert prior.header.spending == SPENDING
    assert digest_of(data) == hashlib.sha256(data[:-32]).hexdigest()


@given(place=st.integers(0, len(prior_of()) - 1), flip=st.integers(1, 255))
def test_one_wrong_byte_is_refused(place: int, flip: int) -> None:
    data = bytearray(prior_of())
    data[place] ^= flip
    with pytest.raises(PriorFault):
        decode_prior(bytes(data))


@given(length=st.integers(0, len(prior_of()) - 1))
def test_a_prior_that_is_cut_short_is_refused(length: int) -> None:
    with pytest.raises(PriorFault):
        decode_prior(prior_of()[:length])


def forged(change: Any, state: bytes | None = None) -> bytes:
    """A prior with a sound digest, whose header was changed by somebody who knows the format."""
    prior = decode_prior(prior_of())
    header = json.loads(json.dumps(prior.header.as_json()))
    change(header)
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    body = MAGIC + struct.pack("<I", len(text)) + text + (prior.state if state is None else state)
    return body + hashlib.sha256(body).digest()


@pytest.mark.parametrize(
    "change",
    [
        lambda header: header.pop("rows"),
        lambda header: header.update(more=1),
        lambda header: header.update(rows=0),
        lambda header: header.update(rows=True),
        lambda header: header.update(row_weight=0),
        lambda header: header.update(row_weight=-1),
        lambda header: header.update(models=["large"]),
        lambda header: header.update(models=[]),
        lambda header: header.update(models=[1]),
        lambda header: header.update(cost_scale_nano_usd=0),
        lambda header: header.update(cost_scale_nano_usd="1"),
        lambda header: header.update(spending=[[1, 1], [1, 2]]),
        lambda header: header.update(spending=[[1]]),
        lambda header: header.update(spending=1),
        lambda header: header.update(trials=[["a", 1]]),
        lambda header: header.update(trials=[[1e300, 1]]),
    ],
)
def test_a_header_that_nobody_writes_is_refused(change: Any) -> None:
    with pytest.raises(PriorFault):
        decode_prior(forged(change))


def test_a_state_that_is_none_is_refused() -> None:
    with pytest.raises(PriorFault, match="state"):
        decode_prior(forged(lambda header: None, state=b"rubbish"))


def test_a_prior_counts_under_its_own_name_in_whatever_pool_it_is_put() -> None:
    data = prior_of()
    state = decode(fitted(decode_prior(data), digest_of(data), PARAMETERS))
    assert (state.pool, dict(state.high_water)) == ("default", {f"prior:{digest_of(data)[:16]}": 6})


@pytest.mark.parametrize("changes", [{"schema_id": "other.v1"}, {"dimension": 3}, {"half_life_nanos": 3600 * 10**9}])
async def test_a_prior_of_another_kind_of_engine_is_refused_and_changes_nothing(changes: dict[str, Any]) -> None:
    store = MemoryStore("r1")
    learner = learner_on(store, **changes)
    before = known(learner)
    with pytest.raises(CheckpointMismatchError):
        await learner.import_prior(prior_of())
    assert (known(learner), await learner.priors()) == (before, [])


async def test_a_prior_is_taken_in_at_once_and_only_once() -> None:
    learner = learner_on(MemoryStore("r1"))
    applied = await learner.import_prior(prior_of())
    assert applied is not None
    assert (applied.digest, applied.applied_nanos, applied.header.rows) == (digest_of(prior_of()), NOW, 3)
    assert learner.revision == 6
    with pytest.raises(PriorRefusedError):
        await learner.import_prior(prior_of())
    assert learner.revision == 6
    assert await learner.priors() == [applied]


async def test_looking_at_a_prior_changes_nothing() -> None:
    learner = learner_on(MemoryStore("r1"))
    before = known(learner)
    assert await learner.import_prior(prior_of(), validate_only=True) is None
    assert (known(learner), await learner.priors()) == (before, [])


async def grow(store: Store, learner: Learner) -> None:
    (answer,) = await store.record([report_of("d1", Report(quality=0.75, attempts=(Attempt("small"),)))])
    assert isinstance(answer, Recorded)
    assert answer.observation is not None
    learner.learn(answer.observation)


@pytest.mark.parametrize("checkpoints", [True, False])
async def test_a_prior_outlasts_a_restart(tmp_path: Path, *, checkpoints: bool) -> None:
    store = await open_sqlite_store(tmp_path / "atp.db", replica="r1", clock=ManualClock(NOW))
    learner = learner_on(store)
    await learner.restore()
    await grow(store, learner)
    await learner.import_prior(prior_of())
    if checkpoints:
        await learner.checkpoint()
    await store.close()

    again_on = await open_sqlite_store(tmp_path / "atp.db", replica="r1", clock=ManualClock(NOW))
    again = learner_on(again_on)
    await again.restore()
    assert again.revision == learner.revision
    assert whole(known(again)) == pytest.approx(whole(known(learner)), rel=1e-9)
    assert await again.priors() == await learner_on(again_on).priors()
    assert len(await again.priors()) == 1
    await again_on.close()


async def test_a_prior_outlasts_learning_everything_anew() -> None:
    store = MemoryStore("r1")
    learner = learner_on(store)
    await grow(store, learner)
    await learner.import_prior(prior_of())
    await store.save_checkpoint("default", b"ATPENG1\nrubbish")
    again = learner_on(store)
    await again.restore(discard_damaged=True)
    assert again.revision == learner.revision


async def test_a_prior_waits_while_the_policy_has_another_schema() -> None:
    store = MemoryStore("r1")
    await learner_on(store).import_prior(prior_of())
    other = learner_on(store, schema_id="other.v1")
    await other.restore()
    assert other.revision == 0
    back = learner_on(store)
    await back.restore()
    assert back.revision == 6


async def test_a_kept_prior_that_is_damaged_stops_the_start_unless_the_operator_says_otherwise() -> None:
    store = MemoryStore("r1")
    await learner_on(store).import_prior(prior_of())
    await store.save_checkpoint(f"default/prior/{digest_of(prior_of())}", b"rubbish")
    with pytest.raises(CorruptCheckpointError):
        await learner_on(store).restore()
    learner = learner_on(store)
    await learner.restore(discard_damaged=True)
    assert learner.revision == 0


async def test_two_priors_count_together() -> None:
    learner = learner_on(MemoryStore("r1"))
    await learner.import_prior(prior_of(3))
    await learner.import_prior(prior_of(5))
    assert learner.revision == 16
    assert [one.header.rows for one in await learner.priors()] == [3, 5]


@pytest.mark.parametrize(
    ("ceiling", "price"),
    [(1000.0, 0.0), (900.0, 0.0), (700.0, 0.1), (70.0, 1.0), (7.0, 10.0), (1.0, 10.0), (800.0, 0.1)],
)
def test_a_first_price_is_the_least_that_keeps_a_ceiling(ceiling: float, price: float) -> None:
    header = decode_prior(prior_of()).header
    found = header.first_price(ceiling, cost_weight=0.0, cost_scale_nano_usd=1000.0)
    assert found == pytest.approx(price * ceiling / 1000)


def test_between_two_prices_logarithms_decide() -> None:
    header = decode_prior(prior_of()).header
    ceiling = (700 * 70) ** 0.5
    middle = header.first_price(ceiling, cost_weight=0.0, cost_scale_nano_usd=1000.0)
    assert middle == pytest.approx((0.1 * 1.0) ** 0.5 * ceiling / 1000)


def test_a_first_price_is_on_top_of_what_the_policy_takes_anyway() -> None:
    header = decode_prior(prior_of()).header
    # 1 per 1,000 nano-dollars is needed; 0.5 per 2,000 is taken already; a ceiling is 70 of them.
    price = header.first_price(70.0, cost_weight=0.5, cost_scale_nano_usd=2000.0)
    assert price == pytest.approx((1 / 1000 - 0.5 / 2000) * 70)
    assert header.first_price(70.0, cost_weight=5.0, cost_scale_nano_usd=2000.0) == 0.0


def test_without_costs_no_ceiling_has_a_price() -> None:
    assert PriorHeader(("a",), 1, 1.0).first_price(1.0, cost_weight=0.0, cost_scale_nano_usd=1.0) == 0.0
