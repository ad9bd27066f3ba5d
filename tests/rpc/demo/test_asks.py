"""The demo's third act: its catalogue reaches the stand-in, and its books are kept apart from the server's."""

import io
import tomllib
from pathlib import Path

import pytest
from rich.console import Console

from atp_grpc.catalog.loader import DEMONSTRATION, read_catalogue
from atp_grpc.client import AtpCallError
from atp_grpc.client.messages import AskStreamResponse, AttemptError, Delta, Switch, Target
from atp_grpc.domain.endpoint import Dialect
from atp_grpc.domain.money import TokenPrices
from atp_grpc.mock_provider import Call, Script, count_tokens
from demo.answer import ShownAnswer
from demo.asks import SHOWN
from demo.bill import bill_of_provider, prices_of
from demo.catalogue import catalogue_text
from demo.provider import BROKEN_AFTER_TOKENS, STORY, Endpoints
from demo.screen import Screen

PRICES = {"maker/small": TokenPrices(50_000_000, 200_000_000), "other/large": TokenPrices(1_250_000_000, 10**10)}
BYTES_PER_TOKEN = 4


def read(text: str, tmp_path: Path) -> dict[str, set[str]]:
    """The dialects by provider."""
    file = tmp_path / "catalog.toml"
    file.write_text(text)
    dialects: dict[str, set[str]] = {}
    for deployment in read_catalogue(file).deployments:
        endpoint = deployment.endpoint
        assert endpoint is not None
        assert endpoint.base_url == "http://127.0.0.1:1/v1"
        assert len(endpoint.keys) > 1
        dialects.setdefault(deployment.provider, set()).add(endpoint.dialect)
    return dialects


@pytest.mark.parametrize(
    "catalogue", [DEMONSTRATION.read_text(), catalogue_text(PRICES)], ids=["simulated", "recorded"]
)
def test_every_deployment_of_either_catalogue_is_reached_at_the_stand_in(catalogue: str, tmp_path: Path) -> None:
    dialects = read(Endpoints(catalogue).catalogue("http://127.0.0.1:1/v1"), tmp_path)

    assert set(dialects) == {one["name"] for one in tomllib.loads(catalogue)["provider"]}
    assert set.union(*dialects.values()) == {Dialect.OPENAI}


def test_the_server_is_given_every_key_that_its_catalogue_refers_to() -> None:
    endpoints = Endpoints(catalogue_text(PRICES))
    settings = endpoints.settings("http://127.0.0.1:1")
    providers = tomllib.loads(endpoints.catalogue("http://127.0.0.1:1/v1"))["provider"]

    keys = {settings[reference.removeprefix("env:")]: one["name"] for one in providers for reference in one["keys"]}

    assert keys == endpoints.providers
    assert settings["ATP_ASK_PRIVATE_TARGETS"] == '["127.0.0.1:1"]'


def call(model: str, key: str, *, sent_tokens: int) -> Call:
    body = {"messages": [{"role": "user", "content": "one two three"}]}
    made = Call(1, "openai", model, key, Script(), is_streamed=True, body=body)
    made.sent_tokens = sent_tokens
    return made


def test_the_providers_bill_is_price_times_tokens_of_calls_that_sent_anything() -> None:
    prices, providers = prices_of(catalogue_text(PRICES)), {"a": "maker", "b": "other"}
    calls = [call("maker/small", "a", sent_tokens=7), call("other/large", "b", sent_tokens=1)]

    bill = bill_of_provider([*calls, call("maker/small", "a", sent_tokens=0)], prices, providers)

    assert bill == (3 * 50 + 7 * 200) + (3 * 1250 + 10_000)


def test_half_a_nano_dollar_is_rounded_up_call_by_call() -> None:
    prices = prices_of(catalogue_text({"maker/small": TokenPrices(500_000, 0)}))

    assert bill_of_provider([call("maker/small", "a", sent_tokens=1)] * 2, prices, {"a": "maker"}) == 4


@pytest.mark.parametrize("text", [STORY, *(answer for _, answer, _ in SHOWN)])
def test_the_answers_teach_the_server_no_other_length_of_a_token(text: str) -> None:
    assert len(text.encode()) == BYTES_PER_TOKEN * count_tokens(text)


def test_what_is_left_of_a_broken_answer_in_the_burst_can_be_counted_by_its_bytes() -> None:
    words = STORY.split(" ")
    assert {len(word) for word in words[1 : BROKEN_AFTER_TOKENS + 1]} == {BYTES_PER_TOKEN - 1}


def shown(answer: ShownAnswer) -> str:
    output = io.StringIO()
    with Screen(Console(file=output, width=110)).answer(answer):
        assert output.getvalue() == ""
    return output.getvalue()


def test_in_a_pipe_an_answer_is_told_once_with_what_was_dropped_and_no_blanks_at_the_ends_of_lines() -> None:
    answer = ShownAnswer("Why?")
    left, entered = Target(model="small", deployment="small@one", provider="one"), Target(model="large")
    answer.take(AskStreamResponse(delta=Delta(text="It is [bold]")))
    answer.take(
        AskStreamResponse(
            switch=Switch(left=left, entered=entered, error=AttemptError.ATTEMPT_ERROR_CUT, restarts=True)
        )
    )
    answer.take(AskStreamResponse(delta=Delta(text="It was.")))

    lines = shown(answer).splitlines()

    assert [line.strip() for line in lines][1:] == [
        "❯ Why?",  # noqa: RUF001 - a prompt's sign
        "It is [bold]",
        "⇄ small at one broke off (cut); large at  begins anew, and what stands above is dropped",
        "It was.",
    ]
    assert all(line == line.rstrip() for line in lines)


def test_a_broken_answer_says_what_is_billed_all_the_same() -> None:
    answer = ShownAnswer("Why?")
    told = {
        "model": "small",
        "error": "CUT",
        "total_characters": "5",
        "input_tokens": "3",
        "output_tokens": "2",
        "cost_nano_usd": "1500",
    }
    answer.broke_off(AtpCallError("UNAVAILABLE", "", reason="ANSWER_CUT", metadata=told))

    assert "✗ ANSWER_CUT: small broke off (cut) after 5 characters" in shown(answer)
    assert "about $0.0000015 are billed all the same" in " ".join(shown(answer).split())
