"""Which script a call gets, and what a script may say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from atp_grpc.mock_provider import Fault, MockProvider, Script
from atp_grpc.mock_provider.process import read_scripts
from atp_grpc.mock_provider.script import read_script
from tests.unit.mock_provider.asking import OPENAI, ask


async def statuses(mock: MockProvider, count: int, **fields: Any) -> list[int | None]:
    return [(await ask(mock, OPENAI, **fields)).status for _ in range(count)]


async def test_bounded_scripts_play_in_order_before_the_one_that_stands(mock: MockProvider) -> None:
    mock.script("m", Script(fault=Fault.OVERLOADED, calls=1))
    mock.script("m", Script(fault=Fault.RATE_LIMITED, calls=2))
    mock.script("m", Script(fault=Fault.SERVER_ERROR, status=502))

    assert await statuses(mock, 5) == [503, 429, 429, 502, 502]


async def test_a_script_of_every_model_holds_where_a_model_has_none(mock: MockProvider) -> None:
    mock.script("*", Script(fault=Fault.SERVER_ERROR))
    mock.script("m", Script())

    assert await statuses(mock, 1) == [200]
    assert await statuses(mock, 1, model="other") == [500]


async def test_a_share_of_calls_is_drawn_the_same_for_the_same_seed(mock: MockProvider) -> None:
    drawn = []
    for _ in range(2):
        mock.forget_scripts()
        mock.script("m", Script(fault=Fault.SERVER_ERROR, share=0.4, draw_seed=7))
        drawn.append(await statuses(mock, 12))

    assert drawn[0] == drawn[1]
    assert {200, 500} == set(drawn[0])


async def test_a_script_of_a_key_spares_the_other_keys(mock: MockProvider) -> None:
    mock.script("m", Script(fault=Fault.RATE_LIMITED, key="worn"))

    assert await statuses(mock, 1, key="worn") == [429]
    assert await statuses(mock, 1, key="fresh") == [200]


def test_a_file_of_scripts_says_the_same_as_the_program(tmp_path: Path) -> None:
    path = tmp_path / "scripts.toml"
    path.write_text('[[script]]\nmodel = "a"\nfault = "cut"\nafter_tokens = 3\n\n[[script]]\nmodel = "b"\nshare = 1\n')

    assert read_scripts(path) == [("a", Script(fault=Fault.CUT, after_tokens=3)), ("b", Script(share=1))]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('[[script]]\nfault = "cut"\n', "script 1 has no model"),
        ('[[script]]\nmodel = "a"\nfault = "tired"\n', "script 1: fault must be one of cut, "),
        ("[other]\n", "a file of scripts holds tables"),
        ("[[script]\n", "Expected"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_the_place(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "scripts.toml"
    path.write_text(text)

    with pytest.raises(ValueError, match=complaint.replace("[", r"\[")):
        read_scripts(path)


@pytest.mark.parametrize(
    "values",
    [{"tokenz": 1}, {"tokens": "many"}, {"tokens": True}, {"tokens": -1}, {"instant": 1}, {"text": 5}, {"share": "x"}],
)
def test_a_script_with_a_wrong_value_names_it(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(values))):
        read_script(values)
