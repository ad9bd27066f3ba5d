"""The third act: the server calls the models itself. Answers stream, break off and fail over; then the bill is checked.

`__main__` enters here. Everything is seen from outside: from the caller's side over the API, and from the provider's by
what it wrote down. Nothing here knows how the server arrived at a figure.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from atp_grpc.cli.quantities import usd
from atp_grpc.client import AtpCallError, AtpClient
from atp_grpc.client.messages import AskRequest, BudgetPeriod, GetBudgetRequest, OnCut, SetBudgetRequest
from atp_grpc.client.messages import Final as End
from atp_grpc.mock_provider import Call, Fault, MockProvider, Script
from demo.answer import ShownAnswer
from demo.bill import bill_of_provider, prices_of
from demo.failure import DemoFailure
from demo.provider import trouble
from demo.screen import Screen
from demo.server import DemoServer

EVERY_MODEL: Final = "*"
SKY: Final = (
    "The sun sends out light of all colours. Air is a sea of tiny pieces, and they turn blue light out of its way far "
    "more than red. So blue comes to us from all sides, and we say that the sky is blue."
)
GATEWAY: Final = (
    "A gateway sits between you and several models. It asks one of them, shows you what it says as it is said, and "
    "pays the bill. If the stream is cut, you are told so: half an answer is not an answer."
)
BREAKS: Final = (
    "A call is a long journey: your program, a network, a server, a model. At each end a process may stop, and then "
    "the connection goes silent in the middle of a word. Whoever reads on must see if it was the end or a cut."
)
LEFT: Final = (
    "What arrived so far, and the bill for it. It is not complete, and must never look as if it were: so this call "
    "fails with an error that says who broke off, after how much of the text, and what it cost."
)
SHOWN: Final = (
    ("Why is the sky blue?", SKY, None),
    ("What is a gateway good for?", GATEWAY, None),
    ("Why do answers break off?", BREAKS, OnCut.ON_CUT_RESTART),
    ("And if I do not ask for another one?", LEFT, OnCut.ON_CUT_FAIL),
)
"""Questions, their answers, and what is to become of them when they are cut; None: they are not. The answers have four
bytes a token, or the server would learn from them that its tokens are longer (`demo.provider.STORY`)."""
CUT_AFTER_TOKENS: Final = 24
WATCHED_TOKEN_SECONDS: Final = 0.015

ASKS: Final = 300
IN_FLIGHT: Final = 24
DEADLINE_SECONDS: Final = 30.0
TENANT: Final = "dev"
"""Whom the key that a server prints on its first start belongs to."""
BUDGET_NANO_USD: Final = 1_000_000_000
SETTLING_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.05
_WORDS: Final = (
    "ask",
    "the",
    "old",
    "man",
    "why",
    "his",
    "dog",
    "and",
    "cat",
    "run",
    "for",
    "red",
    "sun",
    "and",
    "sky",
)
_WORDS_OF_A_PROMPT: Final = 12


@dataclass(slots=True)
class Burst:
    """What callers were told: the ends of whole answers, those that were cut, what they cost, and other refusals."""

    whole: list[End] = field(default_factory=list)
    cut: int = 0
    billed_nano_usd: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def saved(self) -> int:
        """Whole answers that took more than one attempt."""
        return sum(len(end.attempts) > 1 for end in self.whole)


async def third_act(
    screen: Screen, server: DemoServer, stand_in: MockProvider, *, catalogue: str, providers: Mapping[str, str]
) -> None:
    """Shows answers, then asks hundreds of times while the provider fails, and compares the bills.

    `catalogue` is what the server was given, `providers` tells whose each key is.

    Raises:
        DemoFailure: an answer is not what it should be, or a bill differs.
    """
    screen.act("Act three: the server asks the models itself, over providers that fail")
    screen.fact("Provider", f"a stand-in at {stand_in.base_url} that speaks OpenAI's dialect; no model is called")
    async with server.client() as client:
        for question, text, on_cut in SHOWN:
            _rehearse(stand_in, text, is_cut=on_cut is not None, is_watched=screen.is_watched)
            await _show(screen, client, AskRequest(prompt=question, on_cut=on_cut), whole=text)
        await _set_budget(client, BUDGET_NANO_USD)
        stand_in.forget_scripts()
        stand_in.reset_calls()
        for script in trouble():
            stand_in.script(EVERY_MODEL, script)
        with screen.waiting(f"{ASKS} Asks, {IN_FLIGHT} at a time"):
            burst = await _ask_many(client)
            spent = await _spent(client, burst.billed_nano_usd)
            await stand_in.idle()
    _tell(screen, burst, stand_in)
    provided = bill_of_provider(stand_in.calls, prices_of(catalogue), providers)
    if not burst.billed_nano_usd == spent == provided:
        raise DemoFailure(
            f"callers were billed {burst.billed_nano_usd} nano-US-dollars, the budget counts {spent}, and the "
            f"provider's records come to {provided}"
        )
    screen.good(
        f"{usd(spent)}, the same three times to the nano-dollar: what callers were billed, what the budget counts, and "
        f"price times tokens of the provider's own records"
    )


def _rehearse(stand_in: MockProvider, text: str, *, is_cut: bool, is_watched: bool) -> None:
    """Says what the next call is answered, and whether its first attempt breaks off."""
    pace = WATCHED_TOKEN_SECONDS if is_watched else 0.0
    stand_in.forget_scripts()
    stand_in.script(EVERY_MODEL, Script(text=text, token_seconds=pace))
    if is_cut:
        cut = Script(fault=Fault.CUT, after_tokens=CUT_AFTER_TOKENS, text=text, token_seconds=pace, calls=1)
        stand_in.script(EVERY_MODEL, cut)


async def _show(screen: Screen, client: AtpClient, request: AskRequest, *, whole: str) -> None:
    shown = ShownAnswer(request.prompt)
    with screen.answer(shown):
        async with client.ask_stream(request, deadline_seconds=DEADLINE_SECONDS) as stream:
            try:
                async for event in stream:
                    shown.take(event)
            except AtpCallError as error:
                if error.reason != "ANSWER_CUT" or request.on_cut != OnCut.ON_CUT_FAIL:
                    raise
                shown.broke_off(error)
                return
    if request.on_cut == OnCut.ON_CUT_FAIL or stream.response.text != whole:
        raise DemoFailure("an answer is not what the provider said")


async def _ask_many(client: AtpClient) -> Burst:
    burst = Burst()
    chance = random.Random(0)  # noqa: S311 - questions of a demo
    left = [_question(chance, number) for number in range(ASKS)]

    async def caller() -> None:
        while left:
            await _ask(client, left.pop(), burst)

    async with asyncio.TaskGroup() as callers:
        for _ in range(IN_FLIGHT):
            callers.create_task(caller())
    return burst


def _question(chance: random.Random, number: int) -> AskRequest:
    prompt = " ".join(chance.choices(_WORDS, k=_WORDS_OF_A_PROMPT))
    return AskRequest(prompt=prompt, on_cut=OnCut.ON_CUT_FAIL if number % 4 == 0 else OnCut.ON_CUT_RESTART)


async def _ask(client: AtpClient, request: AskRequest, burst: Burst) -> None:
    """One Ask; its bill is in its end, or in the error that it ended with."""
    spent = 0
    try:
        async with client.ask_stream(request, deadline_seconds=DEADLINE_SECONDS) as stream:
            async for event in stream:
                spent = event.usage.total_cost_nano_usd if event.HasField("usage") else spent
    except AtpCallError as error:
        if error.reason == "ANSWER_CUT":
            burst.cut += 1
        else:
            burst.refused[error.reason or error.code] += 1
        burst.billed_nano_usd += int(error.metadata.get("cost_nano_usd", spent))
    else:
        final = stream.response.final
        burst.whole.append(final)
        burst.billed_nano_usd += sum(attempt.cost_nano_usd for attempt in final.attempts)


async def _set_budget(client: AtpClient, limit_nano_usd: int) -> None:
    period = BudgetPeriod.BUDGET_PERIOD_TOTAL
    await client.budgets.set(SetBudgetRequest(tenant=TENANT, limit_nano_usd=limit_nano_usd, period=period))


async def _spent(client: AtpClient, expected_nano_usd: int) -> int:
    """What the budget counts in the end, in nano-US-dollars: bills of answers that broke off are in a moment later.

    Raises:
        DemoFailure: something is still set aside.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + SETTLING_SECONDS
    # Another limit has the server give back what it keeps at hand for calls to come; what stays is held for old ones.
    await _set_budget(client, BUDGET_NANO_USD + 1)
    while True:
        budget = (await client.budgets.get(GetBudgetRequest(tenant=TENANT))).budget
        if (budget.spent_nano_usd == expected_nano_usd and not budget.held_nano_usd) or loop.time() >= end:
            break
        await asyncio.sleep(_LOOK_SECONDS)
    if budget.held_nano_usd:
        raise DemoFailure(f"{budget.held_nano_usd} nano-US-dollars are still set aside after the last answer")
    return budget.spent_nano_usd


def _tell(screen: Screen, burst: Burst, stand_in: MockProvider) -> None:
    screen.blank()
    faults = Counter(_fault(call) for call in stand_in.calls)
    answered = faults.pop("")
    troubles = ", ".join(f"{count} {fault}" for fault, count in faults.most_common())
    screen.fact("Calls", f"{len(stand_in.calls)} over HTTP, {IN_FLIGHT} at a time: {answered} answered, {troubles}")
    refused = "".join(f", {count} refused ({reason})" for reason, count in burst.refused.most_common())
    screen.fact(
        "Asks",
        f"{ASKS}: {len(burst.whole)} whole, {burst.saved} of them after another attempt; "
        f"{burst.cut} ended as cut, as they were asked to{refused}",
    )


def _fault(call: Call) -> str:
    fault = call.script.fault
    return "" if fault is None else fault.value.replace("_", " ")
