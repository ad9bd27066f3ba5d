"""Prices with dates over a real socket: the clock alone brings them into force, and money follows at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from atp_grpc.client import AtpClient
from atp_grpc.client.messages import (
    GetDecisionRequest,
    GetServerInfoRequest,
    ObserveRequest,
    PlanRequest,
    ReloadCatalogRequest,
)
from atp_grpc.config import CatalogSettings, PolicySettings
from atp_grpc.domain.clock import NANOS_PER_SECOND, ManualClock
from atp_grpc.engine.contract import Learner
from tests.rpc.catalogues import ONE_MODEL, TWO_MODELS
from tests.rpc.provoking import prompt, refused
from tests.rpc.serving import ACME, Serving, serving

START = 1_780_000_000
"""2026-05-28T20:26:40Z."""
LATER_PRICE = """
[[deployment.price]]
effective_from = 2026-05-28T21:26:40Z
input_usd_per_million_tokens = 1.0
output_usd_per_million_tokens = 0.5
"""
REQUEST: dict[str, Any] = {"input_tokens": 0, "max_output_tokens": 100, "constraints": {"allowed_models": ["duet"]}}


def dated(tmp_path: Path, text: str) -> CatalogSettings:
    path = tmp_path / "catalog.toml"
    path.write_text(text)
    return CatalogSettings(str(path), watch_interval_seconds=3600.0)


async def cost_of_duet(server: Serving) -> int:
    return (await server.acme.route(prompt(**REQUEST))).expected.cost_nano_usd


async def test_a_dated_price_comes_into_force_at_its_moment_and_moves_the_expected_cost_at_once(tmp_path: Path) -> None:
    clock = ManualClock(START * NANOS_PER_SECOND)
    async with serving(tmp_path / "data", clock=clock, catalog=dated(tmp_path, TWO_MODELS + LATER_PRICE)) as server:
        before = await cost_of_duet(server)
        assert before == 100 * 8_000
        clock.advance(3600.0 - 1e-6)
        assert await cost_of_duet(server) == before
        clock.advance(1e-6)
        assert await cost_of_duet(server) == 100 * 500
        info = await server.acme.get_server_info(GetServerInfoRequest())
        # The file is the same, so its revision is too.
        assert info.catalog.revision == 1


async def test_a_price_change_moves_only_the_model_whose_price_changed(tmp_path: Path) -> None:
    clock = ManualClock(START * NANOS_PER_SECOND)
    async with serving(tmp_path / "data", clock=clock, catalog=dated(tmp_path, TWO_MODELS + LATER_PRICE)) as server:

        async def utilities() -> dict[str, float]:
            plan = await server.acme.plan(PlanRequest(request=prompt()))
            return {candidate.target.model: candidate.utility for candidate in plan.candidates}

        before = await utilities()
        clock.advance(3600.0)
        after = await utilities()
        assert after["solo"] == before["solo"]
        assert after["duet"] > before["duet"]


async def test_a_price_ten_times_as_high_moves_the_choice_at_the_next_request(tmp_path: Path) -> None:
    catalog, sure = dated(tmp_path, TWO_MODELS), PolicySettings(learner=Learner.GREEDY, epsilon=0.0)
    async with serving(tmp_path / "data", catalog=catalog, policy=sure) as server:
        chosen = [(await server.acme.route(prompt(input_tokens=500))).target.model for _ in range(3)]
        dearer = TWO_MODELS.replace("tokens = 1.0", "tokens = 10.0").replace("tokens = 4.0", "tokens = 40.0")
        (tmp_path / "catalog.toml").write_text(dearer)
        await server.acme.reload_catalog(ReloadCatalogRequest())
        chosen.append((await server.acme.route(prompt(input_tokens=500))).target.model)
        assert chosen == ["solo", "solo", "solo", "duet"]


async def test_a_report_is_billed_at_the_prices_of_its_decision(tmp_path: Path) -> None:
    clock = ManualClock(START * NANOS_PER_SECOND)
    async with serving(tmp_path / "data", clock=clock, catalog=dated(tmp_path, TWO_MODELS + LATER_PRICE)) as server:
        decision = await server.acme.route(prompt(**REQUEST))
        clock.advance(7200.0)
        attempt = {"model": "duet", "usage": {"input_tokens": 0, "output_tokens": 10}}
        await server.acme.observe(ObserveRequest(feedback_token=decision.feedback_token, attempts=[attempt]))
        lookup = GetDecisionRequest(decision_id=decision.decision_id)
        assert (await server.acme.get_decision(lookup)).decision.outcome.cost_nano_usd == 10 * 8_000


async def test_a_model_without_a_price_in_force_waits_for_it(tmp_path: Path) -> None:
    clock = ManualClock(START * NANOS_PER_SECOND)
    text = ONE_MODEL.replace("[[deployment.price]]", "[[deployment.price]]\neffective_from = 2026-05-28T21:26:40Z")
    async with (
        serving(tmp_path / "data", clock=clock, catalog=dated(tmp_path, text)) as server,
        # A server that can choose nobody says NOT_SERVING; who watches health would go elsewhere.
        AtpClient.open(server.target, credential=server.credentials[ACME], watches_health=False) as acme,
    ):
        error = await refused(acme.route(prompt()), "NO_ELIGIBLE_MODEL", "FAILED_PRECONDITION")
        assert [condition.type for condition in error.preconditions] == ["NO_PRICE"]
        clock.advance(3600.0)
        assert (await acme.route(prompt())).target.model == "solo"
