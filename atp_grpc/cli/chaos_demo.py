"""`atp chaos demo`: a server of its own, asked without a pause while faults come and go; then the books are checked.

The server runs in this process on a temporary folder, with the dry-run provider and a budget for its tenant. Every
Ask goes through a real socket. The books are what the store holds of every attempt, what callers were billed, and what
the budget counts: they agree to the nano-dollar, or the command fails.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from atp_grpc.app import App, open_app
from atp_grpc.cli.answer import OK, REFUSED, Answer, Verbatim
from atp_grpc.cli.quantities import GREATEST_COUNT, usd
from atp_grpc.client import AtpCallError, AtpClient
from atp_grpc.client.messages import (
    AskRequest,
    AskResponse,
    ChaosRule,
    Final,
    GetBudgetRequest,
    ListDeploymentHealthRequest,
    SetBudgetRequest,
    SetChaosRequest,
)
from atp_grpc.config import AskSettings, ChaosSettings, OpsSettings, ServerSettings, Settings
from atp_grpc.tenancy.keys import DEV_TENANT

CALLERS = 8
BUDGET_NANO_USD = 1_000 * 10**9
PAUSE_SECONDS = 0.02
"""Mean time between an answer and the caller's next Ask."""
DEADLINE_SECONDS = 5.0
STREAMED = 0.5
"""Share of Asks that are streamed."""
SETTLING_SECONDS, LOOK_SECONDS = 5.0, 0.05
"""How long the last calls and their bills may take once nobody asks any more, and how often that is looked at."""


class Act(NamedTuple):
    """A part of the demonstration: what goes wrong, as (target, fault, share, delay in milliseconds)."""

    title: str
    faults: Sequence[tuple[str, str, float, int]] = ()


ACTS = (
    Act("all is well"),
    Act(
        "answers break off, or cannot be read",
        (("PROVIDER", "CUT", 0.3, 0), ("PROVIDER", "MALFORMED", 0.1, 0), ("PROVIDER", "DELAY", 0.3, 20)),
    ),
    Act("providers are down now and then", (("PROVIDER", "ERROR", 0.3, 0),)),
    Act("the store fails, before its commits and after", (("STORE", "ERROR", 0.2, 0), ("STORE", "DELAY", 0.2, 20))),
    Act("the door turns calls away", (("EDGE", "ERROR", 0.2, 0), ("EDGE", "DELAY", 0.5, 20))),
    Act("all is well again"),
)


@dataclass
class Tally:
    """What became of the Asks of an act."""

    answered: int = 0
    failed_over: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def sentence(self) -> str:
        """The tally in words."""
        refusals = ", ".join(f"{count} {name}" for name, count in self.refused.most_common())
        return f"{self.answered} answered, {self.failed_over} of them failed over; refused: {refusals or 'none'}"


class Books(NamedTuple):
    """The three books, in nano-US-dollars, and what does not agree between them."""

    stored: int
    billed: int
    counted: int
    complaints: tuple[str, ...]


def demonstrate(*, seconds: float, seed: int, is_quiet: bool) -> Answer:
    """Plays it, tells it as it goes unless it is to be quiet, and answers with the books; status 0 if they balance."""
    with tempfile.TemporaryDirectory(prefix="atp-chaos-") as folder:
        return asyncio.run(_play(Path(folder), seconds, seed, is_quiet=is_quiet))


async def _play(folder: Path, seconds: float, seed: int, *, is_quiet: bool) -> Answer:
    with (folder / "server.log").open("w", encoding="utf-8") as log:
        async with open_app(_settings(folder), log_stream=log) as app:
            target, credential = f"127.0.0.1:{app.door.grpc_port}", app.door.new_key or ""
            async with AtpClient.open(target, credential=credential, watches_health=False) as atp:
                return await Stage(app, atp, random.Random(seed), is_quiet=is_quiet).play(seconds / len(ACTS))  # noqa: S311


def _settings(folder: Path) -> Settings:
    return Settings(
        profile="dev",
        data_dir=folder / "data",
        server=ServerSettings(port=0, drain_delay_seconds=0.0, shutdown_seconds=5.0),
        ops=OpsSettings(port=-1),
        # Breakers try again soon, so that the last act finds them closed.
        ask=AskSettings(breaker_open_seconds=0.5),
        chaos=ChaosSettings(allowed=True),
    )


class Stage:
    """A server, its callers, and what they were told."""

    def __init__(self, app: App, atp: AtpClient, chance: random.Random, *, is_quiet: bool) -> None:
        self._app = app
        self._atp = atp
        self._chance = chance
        self._is_quiet = is_quiet
        self._finals: dict[str, Final] = {}
        """How the answered Asks ended, by decision."""

    async def play(self, seconds: float) -> Answer:
        """Plays every act for so many seconds, then checks the books."""
        await self._atp.budgets.set(
            SetBudgetRequest(tenant=DEV_TENANT, limit_nano_usd=BUDGET_NANO_USD, period="BUDGET_PERIOD_TOTAL")
        )
        acts = []
        for act in ACTS:
            self._say(f"{act.title} ...")
            tally = await self._play_act(act, seconds)
            acts.append((act, tally))
            self._say(f"  {tally.sentence}")
        return answer_of(acts, await self._books())

    async def _play_act(self, act: Act, seconds: float) -> Tally:
        await self._inject(act)
        tally, loop = Tally(), asyncio.get_running_loop()
        end = loop.time() + seconds
        async with asyncio.TaskGroup() as callers:
            for _ in range(CALLERS):
                callers.create_task(self._ask_until(end, tally))
        await self._inject(Act(""))
        return tally

    async def _inject(self, act: Act) -> None:
        """Sets the faults of an act, and none at every other target."""
        for target in ("PROVIDER", "EDGE", "STORE"):
            rules = [_rule(*fault) for fault in act.faults if fault[0] == target]
            await self._atp.operations.set_chaos(
                SetChaosRequest(target=f"CHAOS_TARGET_{target}", rules=rules, seed=self._chance.getrandbits(32))
            )

    async def _ask_until(self, end: float, tally: Tally) -> None:
        loop = asyncio.get_running_loop()
        while loop.time() < end:
            try:
                response = await self._ask()
            except AtpCallError as error:
                tally.refused[error.reason or error.code] += 1
            else:
                tally.answered += 1
                tally.failed_over += len(response.final.attempts) > 1
                self._finals[response.decision.decision_id] = response.final
            await asyncio.sleep(self._chance.uniform(0.0, 2 * PAUSE_SECONDS))

    async def _ask(self) -> AskResponse:
        chance = self._chance
        request = AskRequest(
            prompt=f"Question {chance.getrandbits(32)}: why do things break?",
            on_cut=chance.choice(("ON_CUT_FAIL", "ON_CUT_RESTART")),
        )
        if chance.random() < STREAMED:
            async with self._atp.ask_stream(request, deadline_seconds=DEADLINE_SECONDS) as stream:
                return await stream.collect()
        return await self._atp.ask(request, deadline_seconds=DEADLINE_SECONDS)

    async def _books(self) -> Books:
        """Opens the books when the last call has ended and its bill is written: when they agree, or never will."""
        books = await self._open_books()
        for _ in range(round(SETTLING_SECONDS / LOOK_SECONDS)):
            if not books.complaints:
                break
            await asyncio.sleep(LOOK_SECONDS)
            books = await self._open_books()
        return books

    async def _open_books(self) -> Books:
        health = await self._atp.operations.list_deployment_health(ListDeploymentHealthRequest())
        in_flight = sum(deployment.in_flight for deployment in health.deployments)
        stored: Counter[str] = Counter()
        for observation in await self._app.rooms.store.observations_after(0, GREATEST_COUNT):
            attempts = observation.recorded.attempts
            stored[observation.lesson.decision_id] += sum(attempt.cost_nano_usd or 0 for attempt in attempts)
        counted = (await self._atp.budgets.get(GetBudgetRequest(tenant=DEV_TENANT))).budget.spent_nano_usd
        wrong = sum(stored[name] != final.total_cost_nano_usd for name, final in self._finals.items())
        complaints = []
        if in_flight:
            complaints.append(f"{in_flight} calls to providers have not ended")
        if wrong:
            complaints.append(f"{wrong} answers were billed otherwise than stored")
        if counted != stored.total():
            complaints.append("the budget counts something else than what is stored")
        billed = sum(final.total_cost_nano_usd for final in self._finals.values())
        return Books(stored.total(), billed, counted, tuple(complaints))

    def _say(self, sentence: str) -> None:
        if not self._is_quiet:
            print(sentence, file=sys.stderr, flush=True)


def _rule(target: str, fault: str, share: float, delay_milliseconds: int) -> ChaosRule:
    rule = ChaosRule(target=f"CHAOS_TARGET_{target}", fault=f"CHAOS_FAULT_{fault}", probability=share)
    if delay_milliseconds:
        rule.delay.FromMilliseconds(delay_milliseconds)
    return rule


def answer_of(acts: Sequence[tuple[Act, Tally]], books: Books) -> Answer:
    """The answer of the command: what was played, and the books."""
    return Answer(_document(acts, books), [Verbatim("\n".join(_verdict(books)))], REFUSED if books.complaints else OK)


def _verdict(books: Books) -> list[str]:
    broken = books.stored - books.billed
    return [
        f"what the store holds of every attempt: {usd(books.stored)}",
        f"of that, billed with a complete answer: {usd(books.billed)}; the rest, {usd(broken)}, bought broken ones",
        f"what the budget counts: {usd(books.counted)}",
        *(complaint for complaint in books.complaints),
        "the books do not balance" if books.complaints else "the books balance to the nano-dollar",
    ]


def _document(acts: Sequence[tuple[Act, Tally]], books: Books) -> dict[str, object]:
    return {
        "acts": [
            {
                "title": act.title,
                "answered": tally.answered,
                "failed_over": tally.failed_over,
                "refused": dict(tally.refused),
            }
            for act, tally in acts
        ],
        "stored_nano_usd": books.stored,
        "billed_nano_usd": books.billed,
        "counted_nano_usd": books.counted,
        "complaints": list(books.complaints),
    }
