"""Ceilings and floors of policies over a real socket: what a policy promises on average is kept, and is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from atp_grpc.client.messages import ReasonCode, RouteBatchRequest, RouteResponse
from atp_grpc.config import EngineSettings
from tests.rpc.policies import changed, made
from tests.rpc.provoking import prompt
from tests.rpc.serving import Serving
from tests.rpc.spending import bill
from tests.rpc.steering.conversing import (
    SURE_LEARNER,
    ask_and_tell,
    mean_bill,
    of_two,
    recorded,
)

CEILING = 2_000_000
GRADES = {"solo": 0.8, "duet": 0.9}
PRESSED_BY_COST = ReasonCode.REASON_CODE_COST_CEILING_PRESSED
PRESSED_BY_QUALITY = ReasonCode.REASON_CODE_QUALITY_FLOOR_PRESSED


async def with_a_ceiling(server: Serving, name: str = "thrifty") -> None:
    await made(server, name, learner=SURE_LEARNER, objective={"cost_ceiling_nano_usd": CEILING, "cost_weight": 0.0})


def shares(answers: list[RouteResponse]) -> dict[str, float]:
    models = [answer.target.model for answer in answers]
    return {model: models.count(model) / len(models) for model in GRADES}


async def test_the_mean_bill_comes_below_the_ceiling_and_every_record_tells_the_price(
    tmp_path: Path, engine: EngineSettings
) -> None:
    async with of_two(tmp_path, engine) as server:
        await with_a_ceiling(server)
        free = await ask_and_tell(server.acme, 40, GRADES)
        answers = await ask_and_tell(server.acme, 300, GRADES, policy="thrifty")
        # Nothing but the ceiling keeps requests from the better model, which costs one and a half ceilings.
        assert shares(free)["duet"] > 0.9
        assert await mean_bill(server.acme, free) > 1.4 * CEILING
        # What finding the price cost at first is saved again, and no more than that.
        assert await mean_bill(server.acme, answers) <= 1.01 * CEILING
        assert await mean_bill(server.acme, answers[50:]) <= CEILING
        assert await mean_bill(server.acme, answers[100:]) > 0.9 * CEILING
        assert 0.2 < shares(answers[100:])["duet"] < 0.45
        for answer in (answers[0], answers[150], answers[-1]):
            record = await recorded(server.acme, answer)
            assert record.dual_prices == answer.dual_prices
            assert record.reason_codes == answer.reason_codes
            assert (PRESSED_BY_COST in answer.reason_codes) == (answer.dual_prices.cost > 0)
        assert (answers[0].dual_prices.cost, answers[0].dual_prices.quality) == (0.0, 0.0)
        assert answers[-1].dual_prices.cost > 0
        assert not free[-1].HasField("dual_prices")


async def test_the_price_is_a_tenants_own_and_a_policys_own_and_outlasts_a_restart(
    tmp_path: Path, engine: EngineSettings
) -> None:
    async with of_two(tmp_path, engine) as server:
        await with_a_ceiling(server)
        await with_a_ceiling(server, "other")
        *_, last = await ask_and_tell(server.acme, 30, GRADES, policy="thrifty")
        assert last.dual_prices.cost > 0
        assert (await server.globex.route(prompt(policy="thrifty"))).dual_prices.cost == 0
        assert (await server.acme.route(prompt(policy="other"))).dual_prices.cost == 0
        plain = await server.acme.route(prompt("before", input_tokens=500, policy="thrifty"))
    async with of_two(tmp_path, engine) as server:
        after = await server.acme.route(prompt("after", input_tokens=500, policy="thrifty"))
        # One decision lies between them, which moved the price by one step.
        assert after.dual_prices.cost == pytest.approx(plain.dual_prices.cost, abs=0.02)
        assert after.dual_prices.cost > 0.5 * plain.dual_prices.cost


async def test_a_bill_that_is_dearer_than_expected_raises_the_price_when_it_comes(
    tmp_path: Path, engine: EngineSettings
) -> None:
    async with of_two(tmp_path, engine) as server:
        await with_a_ceiling(server)
        cheap: dict[str, Any] = {"policy": "thrifty", "constraints": {"allowed_models": ["solo"]}, "input_tokens": 500}
        answer = await server.acme.route(prompt(**cheap))
        assert (await server.acme.route(prompt(**cheap))).dual_prices.cost == 0
        await bill(server.acme, answer, 8 * CEILING)
        pressed = await server.acme.route(prompt(**cheap))
        assert pressed.dual_prices.cost > 0
        assert PRESSED_BY_COST in pressed.reason_codes


async def test_a_floor_lifts_the_mean_grade_above_it_though_the_caller_wants_it_cheap(
    tmp_path: Path, engine: EngineSettings
) -> None:
    async with of_two(tmp_path, engine) as server:
        await made(server, "cheap", learner=SURE_LEARNER, objective={"cost_weight": 1.0})
        await made(server, "good", learner=SURE_LEARNER, objective={"cost_weight": 1.0, "quality_floor": 0.86})
        grades = {"solo": 0.7, "duet": 0.9}
        cheap = await ask_and_tell(server.acme, 60, grades, policy="cheap")
        good = await ask_and_tell(server.acme, 300, grades, policy="good")
        assert shares(cheap)["duet"] < 0.1
        last = [grades[answer.target.model] for answer in good[-200:]]
        assert sum(last) / len(last) >= 0.86
        pressed = good[-1]
        assert pressed.dual_prices.quality > 0
        assert PRESSED_BY_QUALITY in pressed.reason_codes
        record = await recorded(server.acme, pressed)
        assert (record.dual_prices, record.reason_codes) == (pressed.dual_prices, pressed.reason_codes)


async def test_where_both_cannot_be_had_the_ceiling_is_kept(tmp_path: Path, engine: EngineSettings) -> None:
    async with of_two(tmp_path, engine) as server:
        promises = {"cost_ceiling_nano_usd": CEILING, "quality_floor": 0.89}
        await made(server, "torn", learner=SURE_LEARNER, objective=promises)
        answers = await ask_and_tell(server.acme, 300, GRADES, policy="torn")
        assert await mean_bill(server.acme, answers[100:]) <= 1.01 * CEILING
        assert {PRESSED_BY_COST, PRESSED_BY_QUALITY} <= set(answers[-1].reason_codes)


async def test_a_ceiling_that_is_taken_away_presses_no_more(tmp_path: Path, engine: EngineSettings) -> None:
    async with of_two(tmp_path, engine) as server:
        await with_a_ceiling(server)
        *_, pressed = await ask_and_tell(server.acme, 40, GRADES, policy="thrifty")
        assert pressed.dual_prices.cost > 0
        await changed(server, "thrifty", "objective.cost_ceiling_nano_usd")
        answer = await server.acme.route(prompt(policy="thrifty"))
        assert not answer.HasField("dual_prices")
        assert PRESSED_BY_COST not in answer.reason_codes


async def test_batches_and_streams_move_the_price_as_calls_do(tmp_path: Path, engine: EngineSettings) -> None:
    async with of_two(tmp_path, engine) as server:
        await with_a_ceiling(server)
        request = prompt(input_tokens=500, policy="thrifty", constraints={"allowed_models": ["duet"]})
        batch = await server.acme.route_batch(RouteBatchRequest(requests=[request] * 8))
        # They are decided together, at the price that stood before any of them.
        assert {result.response.dual_prices.cost for result in batch.results} == {0.0}
        async with server.acme.route_stream() as stream:
            prices = [(await stream.route(request)).dual_prices.cost for _ in range(3)]
        assert 0 < prices[0] < prices[1] < prices[2]
