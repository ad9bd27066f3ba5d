"""`atp chaos demo`: a server is broken in every way it knows, and the books balance; where they do not, it says so."""

from __future__ import annotations

import json

import pytest

from atp_grpc.cli import chaos_demo
from atp_grpc.cli.answer import REFUSED
from atp_grpc.cli.program import run

SECONDS = "1.8"


def test_the_books_balance_whatever_was_broken(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["chaos", "demo", "--seconds", SECONDS, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [act["title"] for act in told["acts"]] == [act.title for act in chaos_demo.ACTS]
    assert all(act["answered"] for act in (told["acts"][0], told["acts"][-1]))
    assert told["counted_nano_usd"] == told["stored_nano_usd"] >= told["billed_nano_usd"] > 0
    assert told["complaints"] == []


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
