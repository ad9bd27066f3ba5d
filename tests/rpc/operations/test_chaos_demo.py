"""`atp chaos demo`: a server is broken in every way it knows, and the books balance; where they do not, it says so."""

from __future__ import annotations

import asyncio
import json
import random
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from atp_grpc.app import App, open_app
from atp_grpc.cli import chaos_demo
from atp_grpc.cli.answer import REFUSED
from atp_grpc.cli.program import run
from atp_grpc.client import AtpClient
from atp_grpc.client.messages import AskRequest, SetBudgetRequest
from atp_grpc.tenancy.keys import DEV_TENANT

SECONDS = "1.8"
LEAVING, ROUNDS = 4, 3


def test_the_books_balance_whatever_was_broken(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["chaos", "demo", "--seconds", SECONDS, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [act["title"] for act in told["acts"]] == [act.title for act in chaos_demo.ACTS]
    assert all(act["answered"] for act in (told["acts"][0], told["acts"][-1]))
    assert told["counted_nano_usd"] == told["stored_nano_usd"] >= told["billed_nano_usd"] > 0
    assert told["complaints"] == []


async def test_the_books_are_opened_when_the_last_bill_is_written(tmp_path: Path) -> None:
    late = chaos_demo.Act("the store takes its time", (("STORE", "DELAY", 1.0, 150),))
    with (tmp_path / "server.log").open("w") as log:
        async with open_app(chaos_demo._settings(tmp_path), log_stream=log) as app, opened(app) as atp:
            await atp.budgets.set(
                SetBudgetRequest(
                    tenant=DEV_TENANT, limit_nano_usd=chaos_demo.BUDGET_NANO_USD, period="BUDGET_PERIOD_TOTAL"
                )
            )
            stage = chaos_demo.Stage(app, atp, random.Random(1), is_quiet=True)
            await stage._inject(late)
            for _ in range(ROUNDS):
                await asyncio.gather(*[leave_early(atp) for _ in range(LEAVING)])
                assert (await stage._books()).complaints == ()


def opened(app: App) -> AbstractAsyncContextManager[AtpClient]:
    return AtpClient.open(f"127.0.0.1:{app.door.grpc_port}", credential=app.door.new_key or "", watches_health=False)


async def leave_early(atp: AtpClient) -> None:
    """An Ask whose bill is written when nobody waits for it any more."""
    async with atp.ask_stream(AskRequest(prompt="Why do things break?")) as stream:
        async for event in stream:
            if event.HasField("delta"):
                break


def test_books_that_do_not_balance_are_a_failure() -> None:
    books = chaos_demo.Books(stored=3, billed=2, counted=2, complaints=("the budget counts something else",))
    answer = chaos_demo.answer_of([], books)
    assert answer.exit_status == REFUSED
    assert answer.document == {
        "acts": [],
        "stored_nano_usd": 3,
        "billed_nano_usd": 2,
        "counted_nano_usd": 2,
        "complaints": ["the budget counts something else"],
    }
