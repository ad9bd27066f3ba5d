"""Usage that a provider does not tell, over a whole server: counted by the model's tokenizer, billed and marked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import pytest

from atp_grpc.asking.counting import MESSAGE_TOKENS, REPLY_TOKENS
from atp_grpc.asking.native import NativeTokenizer
from atp_grpc.client.errors import AtpCallError
from atp_grpc.client.messages import AskRequest, AskStreamResponse, Final, GetDecisionRequest
from atp_grpc.config import AskSettings, CatalogSettings, EngineSettings
from atp_grpc.domain.model import Encoding
from atp_grpc.mock_provider import Fault, MockProvider, Script, open_mock_provider
from tests.native_engine import need_native, no_fault
from tests.rpc.serving import Serving, serving

QUESTION = "Welcher Fluß fließt an der Mühle vorbei, and where does it rise? 源头在哪里?"
ANSWER = 'It rises in the hills: {"river": "Ach", "metres": 1204.5}, 在山里.'
CATALOGUE = """
[[provider]]
name = "harbor"
dialect = "openai"
base_url = "{base_url}"

[[model]]
name = "ember"
context_tokens = 100_000
max_output_tokens = 256
tokenizer = "{tokenizer}"

[[deployment]]
model = "ember"
provider = "harbor"

[[deployment.price]]
input_usd_per_million_tokens = 3.000_000_007
output_usd_per_million_tokens = 15.000_000_003
"""
ENCODINGS = pytest.mark.parametrize("encoding", list(Encoding))


@asynccontextmanager
async def telling_no_usage(
    data_dir: Path, script: Script, *, tokenizer: str, engine: Literal["auto", "reference"] = "auto"
) -> AsyncIterator[tuple[Serving, MockProvider]]:
    """A server whose only model is a stand-in that goes by the script."""
    async with open_mock_provider() as mock:
        mock.script("ember", script)
        path = data_dir / "catalogue.toml"
        path.write_text(CATALOGUE.format(base_url=mock.base_url, tokenizer=tokenizer))
        ask = AskSettings(private_targets=(mock.address.removeprefix("http://"),))
        catalog = CatalogSettings(path=str(path))
        async with serving(data_dir, catalog=catalog, ask=ask, engine=EngineSettings(engine)) as server:
            yield server, mock


async def asked(server: Serving, *, streamed: bool) -> tuple[str, Final]:
    """One Ask: its decision, and its end."""
    if not streamed:
        answer = await server.acme.ask(AskRequest(prompt=QUESTION))
    else:
        async with server.acme.ask_stream(AskRequest(prompt=QUESTION)) as stream:
            answer = await stream.collect()
    assert answer.text == ANSWER
    return answer.decision.decision_id, answer.final


@pytest.mark.native
@ENCODINGS
@pytest.mark.parametrize("streamed", [False, True])
async def test_an_answer_whose_provider_tells_no_usage_is_billed_by_the_tokenizers_count_and_marked(
    tmp_path: Path, encoding: Encoding, streamed: bool
) -> None:
    need_native()
    count = NativeTokenizer(encoding, on_fault=no_fault).count
    script = Script(fault=Fault.NO_USAGE, text=ANSWER)
    async with telling_no_usage(tmp_path, script, tokenizer=encoding) as (server, _):
        decision_id, final = await asked(server, streamed=streamed)
        used, cost = final.total_usage, final.total_cost_nano_usd
        assert used.input_tokens == REPLY_TOKENS + MESSAGE_TOKENS + count(QUESTION)
        assert used.output_tokens == count(ANSWER)
        exact = used.input_tokens * 3_000_000_007 + used.output_tokens * 15_000_000_003
        assert cost == (exact + 500_000) // 10**6
        assert final.is_estimated
        kept = (await server.acme.get_decision(GetDecisionRequest(decision_id=decision_id))).decision.outcome
        assert kept.attempts[0].cost_nano_usd == cost


@pytest.mark.native
async def test_a_stream_that_is_cut_is_billed_by_the_tokenizers_count_of_what_came(tmp_path: Path) -> None:
    need_native()
    count = NativeTokenizer(Encoding.O200K_BASE, on_fault=no_fault).count
    script = Script(fault=Fault.CUT, after_tokens=9, text=ANSWER)
    events: list[AskStreamResponse] = []
    reason = ""
    async with telling_no_usage(tmp_path, script, tokenizer="o200k_base") as (server, _):
        try:
            async with server.acme.ask_stream(AskRequest(prompt=QUESTION)) as stream:
                async for event in stream:
                    events.append(event)  # noqa: PERF401 - what came before the error counts
        except AtpCallError as refusal:
            reason = refusal.reason
    assert reason == "ANSWER_CUT"
    came = "".join(event.delta.text for event in events)
    assert 0 < len(came) < len(ANSWER)
    spent = events[-1].usage
    assert spent.is_estimated
    assert spent.total_usage.input_tokens == REPLY_TOKENS + MESSAGE_TOKENS + count(QUESTION)
    assert spent.total_usage.output_tokens == count(came)


async def test_without_the_native_engine_such_an_answer_is_estimated_by_bytes_and_marked_too(tmp_path: Path) -> None:
    script = Script(fault=Fault.NO_USAGE, text=ANSWER)
    async with telling_no_usage(tmp_path, script, tokenizer="o200k_base", engine="reference") as (server, _):
        _, final = await asked(server, streamed=False)
    assert final.total_usage.output_tokens == -(-len(ANSWER.encode()) // 4)
    assert final.is_estimated
