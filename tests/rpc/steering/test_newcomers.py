"""A model that joins those that are known, over a real socket: each tenant tries it within a share of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from atp_grpc.client.messages import RefusalCause, ReloadCatalogRequest
from atp_grpc.config import EngineSettings
from tests.rpc.catalogues import ONE_MODEL, TWO_MODELS
from tests.rpc.policies import changed, made
from tests.rpc.provoking import prompt
from tests.rpc.serving import Serving
from tests.rpc.steering.conversing import DUET_COST, SURE_LEARNER, ask_and_tell, of_two, planned

KNOWN = 60
"""Grades that make a model known, and a few more."""
MODEST = {"solo": 0.3, "duet": 0.9}
CAPPED = RefusalCause.REFUSAL_CAUSE_EXPLORATION_CAP


async def join(server: Serving, tmp_path: Path) -> None:
    """Lets `solo` become known on its own; then `duet` comes, of whom the best is believed."""
    await ask_and_tell(server.acme, KNOWN, MODEST)
    (tmp_path / "catalog.toml").write_text(TWO_MODELS)
    await server.acme.reload_catalog(ReloadCatalogRequest())


async def asked(server: Serving, count: int, **fields: Any) -> list[str]:
    """The models of so many requests that nobody grades."""
    return [answer.target.model for answer in [await server.acme.route(prompt(**fields)) for _ in range(count)]]


async def test_a_new_model_is_tried_within_its_share_and_then_closed_to_that_tenant_alone(
    tmp_path: Path, engine: EngineSettings
) -> None:
    (tmp_path / "catalog.toml").write_text(ONE_MODEL)
    async with of_two(tmp_path, engine) as server:
        await join(server, tmp_path)
        assert (await planned(server.acme))["duet"].refusal != CAPPED
        models = list[str]()
        while len(models) < KNOWN and (await planned(server.acme))["duet"].refusal != CAPPED:
            models += await asked(server, 1)
        # What it asked before the new model came gives a tenant its share as well.
        assert models == ["duet"] * int(0.1 * (KNOWN + len(models)))
        models += await asked(server, 140)
        assert models.count("duet") == int(0.1 * (KNOWN + len(models)))
        assert (await planned(server.acme))["duet"].refusal == CAPPED
        assert (await planned(server.globex))["duet"].refusal != CAPPED
        assert (await server.globex.route(prompt())).target.model == "duet"


async def test_grades_make_a_new_model_known_and_open_to_everybody(tmp_path: Path, engine: EngineSettings) -> None:
    (tmp_path / "catalog.toml").write_text(ONE_MODEL)
    async with of_two(tmp_path, engine) as server:
        await join(server, tmp_path)
        await asked(server, 10)
        assert (await planned(server.acme))["duet"].refusal == CAPPED
        # Another tenant's requests that allow nobody else are served, and what they are worth makes it known.
        await ask_and_tell(server.globex, 50, MODEST, constraints={"allowed_models": ["duet"]})
        assert (await planned(server.acme))["duet"].refusal != CAPPED
        assert await asked(server, 20) == ["duet"] * 20


async def test_who_allows_only_a_new_model_that_is_closed_gets_it_all_the_same(
    tmp_path: Path, engine: EngineSettings
) -> None:
    (tmp_path / "catalog.toml").write_text(ONE_MODEL)
    async with of_two(tmp_path, engine) as server:
        await join(server, tmp_path)
        await asked(server, 10)
        assert await asked(server, 3, constraints={"allowed_models": ["duet"]}) == ["duet"] * 3


async def test_the_kill_switch_and_the_cap_of_money_close_a_new_model_at_once(
    tmp_path: Path, engine: EngineSettings
) -> None:
    (tmp_path / "catalog.toml").write_text(ONE_MODEL)
    async with of_two(tmp_path, engine) as server:
        await made(server, "careful", learner=SURE_LEARNER, exploration={"max_nano_usd_per_day": 2 * DUET_COST})
        await join(server, tmp_path)
        models = await asked(server, 6, policy="careful", input_tokens=500)
        assert models == ["duet", "duet", "solo", "solo", "solo", "solo"]
        await changed(server, "careful", "exploration", exploration={"stopped": True})
        assert (await planned(server.globex, policy="careful"))["duet"].refusal == CAPPED
        await changed(server, "careful", "exploration", exploration={"stopped": False})
        assert (await planned(server.globex, policy="careful"))["duet"].refusal != CAPPED


async def test_a_pool_that_starts_cold_closes_nobody(tmp_path: Path, engine: EngineSettings) -> None:
    async with of_two(tmp_path, engine) as server:
        await ask_and_tell(server.acme, KNOWN, {"solo": 0.9, "duet": 0.9})
        assert {one.refusal for one in (await planned(server.acme)).values()} == {0}


async def test_what_is_known_of_a_new_model_outlasts_a_restart(tmp_path: Path, engine: EngineSettings) -> None:
    (tmp_path / "catalog.toml").write_text(ONE_MODEL)
    async with of_two(tmp_path, engine) as server:
        await join(server, tmp_path)
        await ask_and_tell(server.acme, 3, MODEST)
    async with of_two(tmp_path, engine) as server:
        # It has three grades of the fifty, and `solo` has all of its own: still new, with its share begun anew.
        models = await asked(server, 10)
        assert models == ["duet"] * 5 + ["solo"] * 5
