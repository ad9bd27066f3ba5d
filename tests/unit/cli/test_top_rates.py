"""What happened between two looks at a server's counters."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.cli.top.rates import quantile_ms, rates_between
from atp_grpc.client import messages as m

ROUTE = "atp.v1.RouteService"


def stats(moment: int, **fields: object) -> m.GetServerStatsResponse:
    answer = m.GetServerStatsResponse(instance_id="here", **fields)  # type: ignore[arg-type]
    answer.taken_at.FromSeconds(1_800_000_000 + moment)
    return answer


def route(ok: int, refused: int = 0, *, quick: int = 0) -> m.MethodStats:
    calls = ok + refused
    return m.MethodStats(
        service=ROUTE,
        method="Route",
        total_by_code={"OK": ok, "InvalidArgument": refused},
        latency=[
            m.LatencyBucket(upper_seconds=0.001, total_calls=quick),
            m.LatencyBucket(upper_seconds=0.01, total_calls=calls),
            m.LatencyBucket(upper_seconds=math.inf, total_calls=calls),
        ],
    )


def test_rates_are_differences_over_the_time_between() -> None:
    rates = rates_between(
        stats(0, methods=[route(100, 10, quick=50)], total_learned=5, total_overloaded=1, total_cpu_seconds=1.0),
        stats(2, methods=[route(300, 30, quick=50)], total_learned=25, total_overloaded=5, total_cpu_seconds=2.0),
        m.EngineInfo(learned=25),
    )

    assert rates.calls_per_second == pytest.approx(110)
    assert rates.errors_per_second == pytest.approx(10)
    assert rates.errors_by_code == {"InvalidArgument": pytest.approx(10)}
    assert rates.learned_per_second == pytest.approx(10)
    assert rates.overloaded_per_second == pytest.approx(2)
    assert rates.cpu_share == pytest.approx(0.5)
    [method] = rates.methods
    assert (method.method, method.total_calls) == ("RouteService/Route", 330)
    # All calls of the two seconds took between one and ten milliseconds, whatever came before.
    assert method.p50_ms == pytest.approx(5.5)
    assert rates.p99_ms == pytest.approx(9.91)


def test_a_method_that_was_called_for_the_first_time_counts_whole() -> None:
    rates = rates_between(stats(0), stats(1, methods=[route(7)]), m.EngineInfo())

    assert rates.methods[0].calls_per_second == pytest.approx(7)


def test_a_quiet_server_has_no_latency_and_no_price() -> None:
    rates = rates_between(stats(0, methods=[route(7)]), stats(1, methods=[route(7)]), m.EngineInfo())

    assert rates.p50_ms is None
    assert rates.usd_per_thousand is None
    assert rates.calls_per_second == 0


def model(name: str, decisions: int, nano_usd: int = 0) -> m.ModelStats:
    return m.ModelStats(model=name, policy="default", total_decisions=decisions, total_expected_cost_nano_usd=nano_usd)


def test_shares_are_of_the_time_between_and_of_everything_when_it_was_quiet() -> None:
    before = stats(0, models=[model("grand", 10), model("swift", 10)])
    busy = stats(1, models=[model("grand", 11), model("swift", 19)])

    while_busy = rates_between(before, busy, m.EngineInfo())
    while_quiet = rates_between(busy, stats(2, models=list(busy.models)), m.EngineInfo())

    assert {one.model: one.share for one in while_busy.models} == {"swift": 0.9, "grand": 0.1}
    assert {one.model: round(one.share, 3) for one in while_quiet.models} == {"swift": 0.633, "grand": 0.367}
    assert [one.model for one in while_busy.models] == ["swift", "grand"]


def test_engines_share_the_time_between_and_everything_when_it_was_quiet() -> None:
    before = stats(0, total_decisions_by_engine={"native": 40})
    busy = stats(1, total_decisions_by_engine={"native": 55, "reference": 5})

    while_busy = rates_between(before, busy, m.EngineInfo())
    while_quiet = rates_between(
        busy, stats(2, total_decisions_by_engine=busy.total_decisions_by_engine), m.EngineInfo()
    )
    from_the_start = rates_between(stats(0), stats(1), m.EngineInfo(name="native"))

    assert while_busy.engine_shares == {"native": 0.75, "reference": 0.25}
    assert while_quiet.engine_shares == {"native": 55 / 60, "reference": 5 / 60}
    assert from_the_start.engine_shares == {}


def test_an_engine_that_was_set_aside_has_no_share_of_the_time_after() -> None:
    before = stats(0, total_decisions_by_engine={"native": 40, "reference": 3})
    after = stats(1, total_decisions_by_engine={"native": 40, "reference": 9})

    assert rates_between(before, after, m.EngineInfo()).engine_shares == {"reference": 1.0}


def test_money_is_per_thousand_decisions() -> None:
    rates = rates_between(
        stats(0, models=[model("grand", 100, 1_000_000_000)]),
        stats(1, models=[model("grand", 300, 5_000_000_000)]),
        m.EngineInfo(arms=[m.ArmInfo(model="grand", observations=4, quality=0.75)]),
    )

    assert rates.usd_per_thousand == pytest.approx(20)
    [grand] = rates.models
    assert grand.usd_per_thousand == pytest.approx(5 / 300 * 1_000)
    assert (grand.quality, grand.observations) == (0.75, 4)


def test_a_model_that_nobody_has_judged_has_no_quality() -> None:
    rates = rates_between(
        stats(0), stats(1, models=[model("grand", 1)]), m.EngineInfo(arms=[m.ArmInfo(model="grand", quality=0.5)])
    )

    assert rates.models[0].quality is None


def test_a_document_holds_everything_and_is_json() -> None:
    import json

    rates = rates_between(
        stats(0),
        stats(1, checks=[m.HealthCheck(name="store", state=m.HealthState.HEALTH_STATE_DEGRADED, sentence="slow")]),
        m.EngineInfo(),
    )

    assert json.loads(json.dumps(rates.document(), allow_nan=False))["checks"] == [["store", "degraded", "slow"]]


@given(
    st.lists(st.integers(0, 1_000), min_size=1, max_size=8),
    st.floats(0.01, 0.99),
    st.integers(1, 50),
)
def test_a_quantile_lies_in_the_bucket_that_holds_it(counts: list[int], share: float, last: int) -> None:
    cumulative, buckets = 0, []
    for position, count in enumerate(counts):
        cumulative += count
        buckets.append((float(position + 1), cumulative))
    buckets.append((math.inf, cumulative + last))

    found = quantile_ms(buckets, share)

    assert found is not None
    rank = share * (cumulative + last)
    bound = next((upper for upper, calls in buckets if calls >= rank), math.inf)
    if math.isinf(bound):
        assert found == len(counts) * 1_000
    else:
        assert (bound - 1) * 1_000 <= found <= bound * 1_000


def test_no_calls_have_no_quantile() -> None:
    assert quantile_ms([], 0.5) is None
    assert quantile_ms([(1.0, 0), (math.inf, 0)], 0.5) is None
