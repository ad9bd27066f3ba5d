"""What a provider charges for writing its prompt cache, over a whole server: told, billed and reported as its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Literal

import pytest

from atp_grpc.client.messages import (
    AskRequest,
    Attempt,
    Final,
    GetDecisionRequest,
    GetDeploymentRequest,
    ObserveBatchRequest,
    ObserveRequest,
    Usage,
)
from atp_grpc.config import AskSettings, CatalogSettings, EngineSettings
from atp_grpc.mock_provider import MockProvider, Script, count_tokens, open_mock_provider
from tests.rpc.provoking import prompt
from tests.rpc.serving import Serving, serving
from tests.rpc.spending import give, standing

HALF = 4
QUESTION = "Which river runs past the mill, and where does it rise?"
INPUT, CACHED, OUTPUT = Decimal("3.000000007"), Decimal("0.300000001"), Decimal("15.000000003")
WRITTEN = Decimal("3.750000009")
"""US dollars for a million tokens: 5/4 of the input price, rounded half up to a nano-dollar."""
CATALOGUE = """
[[provider]]
name = "harbor"
dialect = "anthropic"
base_url = "{base_url}"
keys = ["file:harbor"]

[[model]]
name = "ember"
context_tokens = 100_000
max_output_tokens = 256

[[deployment]]
model = "ember"
provider = "harbor"

[[deployment.price]]
input_usd_per_million_tokens = {input}
cached_input_usd_per_million_tokens = {cached}
output_usd_per_million_tokens = {output}
"""


@asynccontextmanager
async def speaking_anthropic(
    data_dir: Path, engine: Literal["auto", "reference"] = "auto"
) -> AsyncIterator[tuple[Serving, MockProvider]]:
    """A server whose only model is a stand-in that speaks Anthropic's dialect."""
    folder = data_dir / "provider_keys"
    folder.mkdir(mode=0o700, parents=True)
    (folder / "harbor").touch(mode=0o600)
    (folder / "harbor").write_text("sk-1")
    async with open_mock_provider() as mock:
        path = data_dir / "catalogue.toml"
        path.write_text(CATALOGUE.format(base_url=mock.base_url, input=INPUT, cached=CACHED, output=OUTPUT))
        ask = AskSettings(private_targets=(mock.address.removeprefix("http://"),))
        catalog = CatalogSettings(path=str(path))
        async with serving(data_dir, catalog=catalog, ask=ask, engine=EngineSettings(engine)) as server:
            yield server, mock


def bill(*, plain: int, cached: int, written: int, output: int) -> int:
    """Nano-US-dollars as the provider's own price list says."""
    exact = plain * INPUT + cached * CACHED + written * WRITTEN + output * OUTPUT
    return int((exact * 1000).to_integral_value(ROUND_HALF_UP))


async def asked(server: Serving, *, streamed: bool) -> tuple[str, Final]:
    """One Ask of a conversation: its decision, and its end."""
    request = AskRequest(prompt=QUESTION, session_id="talk")
    if not streamed:
        answer = await server.acme.ask(request)
    else:
        async with server.acme.ask_stream(request) as stream:
            answer = await stream.collect()
    return answer.decision.decision_id, answer.final


async def test_an_anthropic_bill_with_cache_writes_is_the_providers_own_to_the_nano_dollar(tmp_path: Path) -> None:
    total = count_tokens(QUESTION)
    async with speaking_anthropic(tmp_path) as (server, mock):
        spent = 0
        for number in range(8):
            if number == HALF:
                # From now on money is watched, so the stand-in is asked for streams.
                await give(server, 10**9)
            cached, written, thinking = number % 3, number % 5 + 1, 3 * (number % 2)
            script = Script(
                tokens=17 + number, reasoning_tokens=thinking, cached_tokens=cached, cache_written_tokens=written
            )
            mock.forget_scripts()
            mock.script("ember", script)
            decision_id, final = await asked(server, streamed=bool(number % 2))
            mine, usage = final.attempts[0], final.total_usage
            plain, output = total - cached - written, 17 + number + thinking
            cost = bill(plain=plain, cached=cached, written=written, output=output)
            assert usage == Usage(
                input_tokens=plain,
                cached_input_tokens=cached,
                cache_write_input_tokens=written,
                output_tokens=17 + number,
                reasoning_tokens=thinking,
            )
            assert (final.total_cost_nano_usd, mine.cost_nano_usd, final.is_estimated) == (cost, cost, False)
            kept = (await server.acme.get_decision(GetDecisionRequest(decision_id=decision_id))).decision.outcome
            assert (kept.cost_nano_usd, kept.attempts[0].usage) == (cost, usage)
            assert "cache_control" in mock.calls[-1].body["messages"][-1]["content"][-1]
            assert mock.calls[-1].is_streamed == (number >= HALF or bool(number % 2))
            spent += cost if number >= HALF else 0
        budget = await standing(server)
        price = (await server.acme.get_deployment(GetDeploymentRequest(name="ember@harbor"))).deployment.prices[0]

    assert budget.spent_nano_usd == spent
    assert price.cache_write_input_nano_usd_per_million_tokens == WRITTEN * 10**9


@pytest.mark.parametrize("engine", ["auto", "reference"])
async def test_a_report_of_cache_writes_is_billed_at_their_price_however_it_comes(
    tmp_path: Path, engine: Literal["auto", "reference"]
) -> None:
    usage = Usage(input_tokens=11, cached_input_tokens=5, cache_write_input_tokens=7, output_tokens=3)
    async with speaking_anthropic(tmp_path, engine) as (server, _):
        routed = [await server.acme.route(prompt()) for _ in range(3)]
        reports = [
            ObserveRequest(feedback_token=one.feedback_token, attempts=[Attempt(model="ember", usage=usage)])
            for one in routed
        ]
        await server.acme.observe(reports[0])
        await server.acme.observe_batch(ObserveBatchRequest(requests=reports[1:2]))
        async with server.acme.observe_stream() as stream:
            await stream.observe(reports[2])
        kept = [
            (await server.acme.get_decision(GetDecisionRequest(decision_id=one.decision_id))).decision.outcome
            for one in routed
        ]

    assert [one.attempts[0].usage for one in kept] == [usage] * 3
    assert [one.cost_nano_usd for one in kept] == [bill(plain=11, cached=5, written=7, output=3)] * 3
