"""Every engine answers as the recorded vectors say, and the vectors are those of today's scenarios."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import pytest

import atp_grpc.engine
from atp_grpc.engine.reference.chance import NORMAL_CELLS, normal_table, normals, uniform, word
from atp_grpc.engine.self_test import CONVERSATIONS, TEXT_CONVERSATIONS, EngineSelfTestError, replay, run_self_test
from tests.conformance.engine.scenarios import SCENARIOS, SELF_TEST, TEXT_SELF_TEST
from tests.conformance.engine.vector_format import VECTORS, plain, read
from tests.conformance.engine.write_vectors import SELF_TEST_FILE, TEXT_SELF_TEST_FILE, tell

if TYPE_CHECKING:
    from tests.conformance.engine.conftest import EngineFactory


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_an_engine_answers_as_recorded(make_engine: EngineFactory, name: str) -> None:
    replay(read(VECTORS / f"{name}.json"), make_engine)


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_a_vector_tells_todays_scenario(name: str) -> None:
    parameters, story = SCENARIOS[name]
    told, kept = json.loads(tell(parameters, story)), read(VECTORS / f"{name}.json")
    assert kept["parameters"] == json.loads(json.dumps(plain(parameters)))
    assert [_question(step) for step in kept["steps"]] == [_question(step) for step in told["steps"]]


def _question(step: dict[str, Any]) -> dict[str, Any]:
    """What a step asks, without what chance and rounding make of the answers before it."""
    question = {key: value for key, value in step.items() if key not in {"expect", "checkpoint"}}
    return {
        key: {name: field for name, field in value.items() if not name.startswith("predicted_")}
        if isinstance(value, dict)
        else value
        for key, value in question.items()
    }


def test_the_folder_holds_the_vectors_of_the_scenarios_and_no_others() -> None:
    assert {path.stem for path in VECTORS.glob("*.json")} == {*SCENARIOS, "chance"}


def test_chance_is_as_recorded() -> None:
    for step in read(VECTORS / "chance.json")["steps"]:
        at = (step["seed"], step["stream"], step["index"]) if "seed" in step else ()
        match step["do"]:
            case "word":
                assert word(*at) == step["expect"]["word"]
            case "uniform":
                assert uniform(*at) == step["expect"]["uniform"]
            case _:
                assert normal_table()[step["cell"]] == pytest.approx(step["expect"]["normal"], rel=1e-15)


def test_many_normals_are_the_words_one_by_one() -> None:
    table = normal_table()
    for seed in (0, 77, 2**64 - 1):
        assert normals(seed, 1, 40).tolist() == [table[word(seed, 1, index) >> 52] for index in range(40)]


def test_the_normal_table_is_a_standard_normal() -> None:
    table = normal_table()
    assert abs(float(table.sum())) < 1e-9
    assert float(table.std()) == pytest.approx(1.0, abs=5e-4)
    assert all(table[:-1] < table[1:])
    shares = [NormalDist().cdf(float(value)) * NORMAL_CELLS for value in table]
    assert shares == pytest.approx([cell + 0.5 for cell in range(NORMAL_CELLS)], rel=1e-9)


def test_uniforms_fill_the_unit_interval() -> None:
    numbers = [uniform(seed, 2, 0) for seed in range(4000)]
    assert 0.0 <= min(numbers) < 0.005
    assert 0.995 < max(numbers) < 1.0
    counts = [sum(int(number * 10) == tenth for number in numbers) for tenth in range(10)]
    # 99.9 % quantile of chi-square with nine degrees of freedom.
    assert sum((count - 400) ** 2 / 400 for count in counts) < 27.9


def test_a_vector_with_a_step_nobody_knows_is_not_passed_over(make_engine: EngineFactory) -> None:
    document = read(VECTORS / "refusals.json")
    with pytest.raises(EngineSelfTestError):
        replay({**document, "steps": [{"do": "guess", "expect": {}}]}, make_engine)


@pytest.mark.parametrize("conversations", [CONVERSATIONS, TEXT_CONVERSATIONS])
def test_an_engine_passes_the_start_up_test(make_engine: EngineFactory, conversations: str) -> None:
    run_self_test(make_engine, conversations)


def test_the_start_up_tests_are_small_and_shipped_with_the_package() -> None:
    assert Path(atp_grpc.engine.__path__[0]) == SELF_TEST_FILE.parent == TEXT_SELF_TEST_FILE.parent
    documents, text_documents = _documents(SELF_TEST_FILE), _documents(TEXT_SELF_TEST_FILE)
    assert (len(documents), len(text_documents)) == (len(SELF_TEST), len(TEXT_SELF_TEST))
    assert max(SELF_TEST_FILE.stat().st_size, TEXT_SELF_TEST_FILE.stat().st_size) < 96 * 1024
    verbs = {step["do"] for document in documents for step in document["steps"]}
    assert verbs == {"load", "choose", "learn", "discount", "summary", "checkpoint", "restore"}
    assert {document["parameters"]["schema_id"] for document in text_documents} == {"text.v1"}
    assert "text.v1" not in {document["parameters"]["schema_id"] for document in documents}


def _documents(file: Path) -> list[dict[str, Any]]:
    documents: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return documents


def _places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every leaf of an expectation."""
    if isinstance(value, dict):
        return [leaf for key, item in value.items() for leaf in _places(item, (*place, key))]
    if isinstance(value, list):
        return [leaf for key, item in enumerate(value) for leaf in _places(item, (*place, key))]
    return [place]


def _spoil(value: Any) -> Any:
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case float():
            # residual_sd is compared by its square, so that a small one is spoilt visibly too.
            return value * (1 + 1e-6) + 1e-4
        case str():
            return value[:-1] + ("0" if value[-1] != "0" else "1")
        case _:
            return 1


@pytest.mark.parametrize("position", range(len(SELF_TEST) + len(TEXT_SELF_TEST)))
def test_the_start_up_test_notices_any_spoilt_expectation(make_engine: EngineFactory, position: int) -> None:
    document = [*_documents(SELF_TEST_FILE), *_documents(TEXT_SELF_TEST_FILE)][position]
    spoilt_count = 0
    for number, step in enumerate(document["steps"]):
        places = _places(step["expect"])
        # One place of each step, a different one each time, keeps this quick and visits every kind.
        for place in places[number % max(1, len(places)) :][:1]:
            spoilt = copy.deepcopy(document)
            holder = spoilt["steps"][number]["expect"]
            for key in place[:-1]:
                holder = holder[key]
            holder[place[-1]] = _spoil(holder[place[-1]])
            with pytest.raises(EngineSelfTestError, match=f"step {number} "):
                replay(spoilt, make_engine)
            spoilt_count += 1
    assert spoilt_count > 7
