"""What another policy would have earned, over a real socket: right where the log can tell, refused where it cannot."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from google.protobuf.timestamp_pb2 import Timestamp

from atp_grpc.app.evaluating import rehearse
from atp_grpc.app.rehearsal import PolicyRehearsal
from atp_grpc.client import AtpClient
from atp_grpc.client import messages as m
from atp_grpc.config import AuthSettings, LearningSettings, NamedPolicySettings, PolicySettings
from atp_grpc.domain.history import HistoryQuery
from atp_grpc.domain.tenant import Permission
from tests.rpc.evaluations import BATCH, COST, MODELS, QUALITY, holds, truth, write_log
from tests.rpc.provoking import refused
from tests.rpc.serving import Serving, key_for, serving

# One log serves every test: it is only read.
pytestmark = pytest.mark.asyncio(loop_scope="module")

CALLER = (Permission.ROUTE, Permission.OBSERVE, Permission.READ_DECISIONS)
BATCHES = 10
DENIED = "onyx-large"
POLICIES = (
    NamedPolicySettings(name="frugal", cost_weight=50.0),
    NamedPolicySettings(name="careless", cost_weight=0.0),
    NamedPolicySettings(name="foreign", feature_schema="mine", feature_dimension=3),
)


@dataclasses.dataclass(frozen=True)
class Log:
    """A server with a log of acme's, by a policy that explores much and never asks one model."""

    server: Serving
    acme: AtpClient
    globex: AtpClient
    operator: AtpClient


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def log(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Log]:
    data_dir: Path = tmp_path_factory.mktemp("log")
    keys = [key_for(data_dir, "acme", CALLER), key_for(data_dir, "globex", CALLER)]
    keys.append(key_for(data_dir, "globex", (*CALLER, Permission.OPERATE)))
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(
            serving(
                data_dir,
                auth=AuthSettings(tuple(key for _, key in keys)),
                policy=PolicySettings(epsilon=0.5, denied_models=(DENIED,)),
                policies=POLICIES,
                learning=LearningSettings(ledger_size=1_000),
            )
        )
        clients = [await stack.enter_async_context(AtpClient.open(server.target, credential=key)) for key, _ in keys]
        log = Log(server, *clients)
        await write_log(log.acme, BATCHES)
        yield log


async def evaluated(atp: AtpClient, **fields: object) -> m.EvaluatePolicyResponse:
    return await atp.evaluations.evaluate(m.EvaluatePolicyRequest(**fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "target",
    [{"uniform": True}, {"model": "cobalt-pro"}, {"model": "ember-nano"}, {"policy": "frugal"}, {"policy": "careless"}],
    ids=str,
)
async def test_intervals_hold_what_the_target_would_have_earned(log: Log, target: dict[str, object]) -> None:
    found = await evaluated(log.acme, **target)
    assert (found.decisions, found.quality.footing.graded) == (BATCHES * BATCH, BATCHES * BATCH)
    assert sum(share.target for share in found.shares) == pytest.approx(1.0)
    assert holds(found.quality, truth(found, QUALITY)), found.quality
    assert holds(found.cost_nano_usd, truth(found, COST)), found.cost_nano_usd
    happened = sum(share.logged * QUALITY[share.model] for share in found.shares)
    assert found.quality.estimates.happened == pytest.approx(happened)


async def test_a_policy_is_rehearsed_with_its_own_terms(log: Log) -> None:
    frugal, careless = [await evaluated(log.acme, policy=name) for name in ("frugal", "careless")]
    dear, cheap = careless.cost_nano_usd.estimates, frugal.cost_nano_usd.estimates
    assert cheap.value.high < dear.value.low
    assert frugal.shares[0].model in sorted(COST, key=COST.__getitem__)[:2]
    assert careless.shares[0].model == max(QUALITY, key=QUALITY.__getitem__)
    assert frugal.quality.estimates.value.value < careless.quality.estimates.value.value


async def test_a_rehearsal_knows_nothing_of_what_the_policy_has_learned_since(log: Log) -> None:
    rooms = log.server.app.rooms
    page = await rooms.store.history(HistoryQuery("acme"), after=None, limit=300)
    assert rooms.learner.revision >= BATCHES * BATCH
    decided = page.entries[0].decision
    rehearsal = (await rehearse(rooms, rooms.policy)).rehearsal
    assert isinstance(rehearsal, PolicyRehearsal)
    engine = rehearsal._engine
    assert engine.summary(0).learned == 0
    blank = rehearsal.shares(decided)
    for entry in page.entries:
        rehearsal.shares(entry.decision)
        rehearsal.learn(entry)
    summary = engine.summary(page.entries[-1].decision.lesson.decided_nanos)
    assert summary.learned == len(page.entries)
    # Where it drew the logged model itself, its own predictions are judged.
    assert summary.context_z != 0.0
    assert rehearsal.shares(decided) != blank


async def test_a_model_that_was_never_asked_is_refused_with_figures_and_without_a_number(log: Log) -> None:
    found = await evaluated(log.acme, model=DENIED)
    for measure in (found.quality, found.cost_nano_usd):
        assert not measure.HasField("estimates")
        assert measure.refusal.cause == m.EvaluationRefusalCause.Value("EVALUATION_REFUSAL_CAUSE_UNSUPPORTED")
        assert "100%" in measure.refusal.text
        assert measure.footing.unsupported_share == 1.0
        assert measure.footing.graded == BATCHES * BATCH


async def test_a_policy_with_another_schema_is_refused(log: Log) -> None:
    found = await evaluated(log.acme, policy="foreign")
    assert (found.decisions, found.misfit_decisions) == (0, BATCHES * BATCH)
    assert found.quality.refusal.cause == m.EvaluationRefusalCause.Value("EVALUATION_REFUSAL_CAUSE_OTHER_SCHEMA")


async def test_an_empty_log_is_refused(log: Log) -> None:
    found = await evaluated(log.globex, uniform=True)
    cause = m.EvaluationRefusalCause.Value("EVALUATION_REFUSAL_CAUSE_NOTHING_GRADED")
    assert (found.decisions, found.quality.refusal.cause) == (0, cause)
    assert not found.HasField("first_decided_at")


async def test_decisions_before_the_warm_up_are_learned_from_and_not_judged(log: Log) -> None:
    everything = await evaluated(log.acme, policy="careless")
    middle = Timestamp()
    middle.FromNanoseconds(
        (everything.first_decided_at.ToNanoseconds() + everything.last_decided_at.ToNanoseconds()) // 2
    )
    warm = await evaluated(log.acme, policy="careless", scope=m.EvaluationScope(warm_up_before=middle))
    cold = await evaluated(log.acme, policy="careless", scope=m.EvaluationScope(decided_since=middle))
    assert 0 < warm.decisions == cold.decisions < everything.decisions == warm.decisions + warm.warm_up_decisions
    assert cold.warm_up_decisions == 0
    # Who has learned draws the best model more often than who begins anew.
    assert truth(warm, QUALITY) > truth(cold, QUALITY)


async def test_decisions_of_another_policy_are_not_judged(log: Log) -> None:
    found = await evaluated(log.acme, uniform=True, scope=m.EvaluationScope(logged_policy="frugal"))
    assert (found.decisions, found.warm_up_decisions) == (0, BATCHES * BATCH)


async def test_a_wider_confidence_gives_a_wider_interval(log: Log) -> None:
    narrow, wide = [
        (await evaluated(log.acme, uniform=True, scope=m.EvaluationScope(confidence=level))).quality.estimates.value
        for level in (0.5, 0.99)
    ]
    assert wide.value == narrow.value
    assert wide.low < narrow.low < narrow.high < wide.high


async def test_only_operators_evaluate_the_log_of_others(log: Log) -> None:
    for tenant in ("acme", "-"):
        scope = m.EvaluationScope(tenant=tenant)
        await refused(evaluated(log.globex, uniform=True, scope=scope), "PERMISSION_DENIED", "PERMISSION_DENIED")
        request = m.SimulatePolicyRequest(policy=m.RoutingPolicy(name="new"), scope=scope)
        await refused(log.globex.evaluations.simulate(request), "PERMISSION_DENIED", "PERMISSION_DENIED")
        assert (await evaluated(log.operator, uniform=True, scope=scope)).decisions == BATCHES * BATCH


async def test_a_policy_is_simulated_before_it_is_made(log: Log) -> None:
    policy = m.RoutingPolicy(name="new", objective=m.PolicyObjective(cost_weight=50.0))
    found = await log.acme.evaluations.simulate(m.SimulatePolicyRequest(policy=policy))
    same = await evaluated(log.acme, policy="frugal")
    assert holds(found.cost_nano_usd, truth(found, COST))
    assert truth(found, COST) == pytest.approx(truth(same, COST))
    assert "new" not in log.server.app.rooms.rollouts.book.entries


async def test_terms_that_cannot_be_used_are_not_simulated(log: Log) -> None:
    policy = m.RoutingPolicy(name="new", filters=m.PolicyFilters(allowed_models=["nobody"]))
    await refused(
        log.acme.evaluations.simulate(m.SimulatePolicyRequest(policy=policy)), "POLICY_INVALID", "INVALID_ARGUMENT"
    )


async def test_who_is_not_there_is_not_evaluated(log: Log) -> None:
    for target in ({"policy": "nobody"}, {"model": "nobody"}):
        error = await refused(evaluated(log.acme, **target), "RESOURCE_NOT_FOUND", "NOT_FOUND")
        assert error.resource is not None
        assert error.resource.name == "nobody"
    await refused(evaluated(log.acme), "INVALID_FIELD", "INVALID_ARGUMENT")


async def test_every_model_is_known_by_the_tests() -> None:
    assert set(QUALITY) == set(COST) == set(MODELS)


async def test_moments_at_the_ends_of_time_are_as_good_as_none(log: Log) -> None:
    first, last = {"seconds": -62_135_596_800}, {"seconds": 253_402_300_799}
    scope = {"decided_since": first, "decided_before": last, "warm_up_before": first}

    assert (await evaluated(log.acme, uniform=True, scope=scope)).decisions == BATCHES * BATCH
    scope["decided_since"] = last
    assert (await evaluated(log.acme, uniform=True, scope=scope)).decisions == 0
