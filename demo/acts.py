"""The two acts: route and learn on every prompt; then lose the server in mid-sentence and lose nothing.

`__main__` enters here. Everything is seen from outside, over the API, as any caller would see it.
"""

from __future__ import annotations

import math
import time
from collections import deque
from itertools import cycle, islice
from typing import Final

from atp_grpc.client import AtpCallError, AtpClient
from atp_grpc.client.messages import (
    ComputeSavingsRequest,
    ComputeSavingsResponse,
    GetServerInfoRequest,
    GetServerInfoResponse,
    ListModelsRequest,
    SavingsBasis,
)
from atp_grpc.domain.money import NANO_PER_USD
from demo.dataset import Dataset
from demo.failure import DemoFailure
from demo.result import Result, make_result
from demo.screen import Screen
from demo.server import DemoServer
from demo.traffic import Errand, Tally, run_errands

SECOND_PASS: Final = 400
"""Requests of the second act; half of them are acknowledged before the server is killed."""
KILLED_IN_FLIGHT: Final = 16
"""Errands under way when the server is killed."""
SAME: Final = 1e-9


async def first_act(screen: Screen, server: DemoServer, dataset: Dataset, tally: Tally, *, in_flight: int) -> Result:
    """Streams every prompt once.

    Raises:
        DemoFailure: the server went away, refused a call, or does not know what it acknowledged.
    """
    screen.act("Act one: route every prompt, report what came of it, learn")
    rows = dataset.pool.rows
    async with server.client() as client:
        info = await ask_info(client)
        screen.fact(
            "Server", f"{server.address}, engine {info.engine.name}, store {info.store}, {info.catalog.models} models"
        )
        began = time.perf_counter()
        with screen.live(tally, total=len(rows), models=dataset.pool.models) as on_step:
            left = deque(Errand(row) for row in rows)
            await run_errands(client, left, tally, in_flight=in_flight, on_step=on_step)
        seconds = time.perf_counter() - began
        if left:
            raise DemoFailure("the server stopped answering in the first act")
        await check_books(client, tally)
        info = await ask_info(client)
    return make_result(dataset, tally, engine=info.engine.name, seconds=seconds, in_flight=in_flight)


async def state_savings(screen: Screen, server: DemoServer, result: Result) -> None:
    """Shows what the server says it saved: it has seen one answer for each prompt, and the data hold all of them."""
    best = result.references.best_single
    truth = round((result.best.usd_per_1k - result.router.usd_per_1k) / 1_000 * len(result.steps) * NANO_PER_USD)
    async with server.client() as client:
        told = await client.evaluations.savings(ComputeSavingsRequest(model=best))
    screen.fact("Savings", f"{savings_sentence(told, result.short(best))}; the data say: {_usd(truth)}")


async def second_act(screen: Screen, server: DemoServer, dataset: Dataset, tally: Tally) -> None:
    """Sends more requests, kills the server among them, starts it again, finishes, and compares the books.

    Raises:
        DemoFailure: something acknowledged was lost, or the server did not come back.
    """
    screen.act("Act two: kill -9 while outcomes are being reported")
    left = deque(Errand(row) for row in islice(cycle(dataset.pool.rows), SECOND_PASS))
    fatal = tally.acknowledged + SECOND_PASS // 2

    def kill_in_the_middle() -> None:
        if tally.acknowledged == fatal:
            server.kill()

    async with server.client() as client:
        await run_errands(client, left, tally, in_flight=KILLED_IN_FLIGHT, on_step=kill_in_the_middle)
    acknowledged, unanswered = tally.acknowledged, sum(errand.decided is not None for errand in left)
    if not left:
        raise DemoFailure("the server was killed after the last request instead of among them")

    with screen.waiting("starting the server again on what it left behind"):
        seconds = await server.start()
    async with server.client() as client:
        info = await ask_info(client)
        stored = info.last_sequence
        if not acknowledged <= stored <= acknowledged + KILLED_IN_FLIGHT or info.engine.learned != stored:
            raise DemoFailure(
                f"after the kill the server knows {stored} reports and learned {info.engine.learned}; "
                f"{acknowledged} were acknowledged"
            )
        screen.good(
            f"killed with {acknowledged:,} reports acknowledged and {unanswered} in flight; back in {seconds:.1f} s "
            f"with {stored:,} stored, {info.engine.learned:,} learned: 0 lost"
        )
        await run_errands(client, left, tally, in_flight=KILLED_IN_FLIGHT)
        if left:
            raise DemoFailure("the server stopped answering after its restart")
        await check_books(client, tally)
    screen.good(
        f"the other {tally.acknowledged - acknowledged} went through; what the server learned of every model equals "
        f"the client's own books"
    )


def savings_sentence(told: ComputeSavingsResponse, baseline: str) -> str:
    """A statement of the server in one sentence."""
    saving = told.saving
    within = (
        f"95 %: {_usd(saving.low_nano_usd)} to {_usd(saving.high_nano_usd)}"
        if told.basis == SavingsBasis.SAVINGS_BASIS_ESTIMATED
        else "by predictions alone: that model was drawn too rarely to measure"
    )
    return (
        f"the server's own log says {_usd(saving.nano_usd)} against always {baseline}, at a quality of "
        f"{told.quality.paid_for:.3f} against {told.quality.baseline.value:.3f} ({within})"
    )


def _usd(nano: int) -> str:
    return f"{nano / NANO_PER_USD:,.2f} US$"


async def ask_info(client: AtpClient) -> GetServerInfoResponse:
    """What the server says of itself.

    Raises:
        DemoFailure: it does not answer.
    """
    try:
        return await client.get_server_info(GetServerInfoRequest())
    except AtpCallError as error:
        raise DemoFailure(f"the server does not say what it learned: {error}") from None


async def check_books(client: AtpClient, tally: Tally) -> None:
    """Compares what the server stored and learned with what it acknowledged, model by model.

    Each acknowledged report is stored once and taught one outcome. An arm's quality is the mean of the grades that the
    client sent, with the catalogue's prior counted as one more.

    Raises:
        DemoFailure: a figure differs.
    """
    info = await ask_info(client)
    if not tally.acknowledged == info.last_sequence == info.engine.learned:
        raise DemoFailure(
            f"{tally.acknowledged} reports were acknowledged, {info.last_sequence} are stored and "
            f"{info.engine.learned} learned"
        )
    listed = await client.list_models(ListModelsRequest(page_size=1000))
    priors = {model.name: model.prior_quality for model in listed.models}
    for arm in info.engine.arms:
        evidence = tally.evidence.get(arm.model)
        count, quality = (evidence.count, evidence.quality) if evidence else (0, 0.0)
        mean = (quality + priors[arm.model]) / (count + 1)
        if arm.observations != count or not math.isclose(arm.quality, mean, rel_tol=SAME):
            raise DemoFailure(
                f"the server learned {arm.observations:g} grades of {arm.model} with mean {arm.quality:.6f}; "
                f"acknowledged were {count} with mean {mean:.6f}"
            )
