"""Trials as the tests of their RPCs run them: requests that are dealt a policy, graded by who decided."""

from __future__ import annotations

import random

from atp_grpc.client import AtpClient
from atp_grpc.client.messages import (
    Event,
    GetTrialRequest,
    ObserveBatchRequest,
    ObserveRequest,
    RouteBatchRequest,
    RouteRequest,
    StartTrialRequest,
    Trial,
    TrialGates,
    WatchEventsRequest,
)
from tests.rpc.policies import changed, made
from tests.rpc.provoking import refused
from tests.rpc.serving import Serving
from tests.rpc.waiting import eventually

GATES = TrialGates(quality_margin=0.1, failure_margin=0.2)
BATCH = 100


async def started(atp: AtpClient, challenger: str = "fast", share: float = 0.5, **fields: object) -> Trial:
    """A trial that runs; its gates are wide, so that a few hundred requests decide it."""
    request = StartTrialRequest(challenger=challenger, share=share, gates=GATES, hold=20)
    request.MergeFrom(StartTrialRequest(**fields))  # type: ignore[arg-type]
    return (await atp.trials.start(request)).trial


async def trial_of(atp: AtpClient, name: str = "") -> Trial:
    """A trial as it stands; by default the latest."""
    return (await atp.trials.get(GetTrialRequest(id=name))).trial


async def serve(atp: AtpClient, batches: int, *, seed: int = 1, policy: str = "", **quality: float) -> int:
    """Routes and grades requests until they are used up or the trial has ended; gives how many were graded.

    `quality` says by policy how likely an answer is good.
    """
    chance, graded = random.Random(seed), 0
    for _ in range(batches):
        requests = [RouteRequest(prompt=f"{chance.random()}", policy=policy) for _ in range(BATCH)]
        routed = await atp.route_batch(RouteBatchRequest(requests=requests))
        reports = []
        for result in routed.results:
            answer = result.response
            good = float(chance.random() < quality.get(answer.policy, 0.5))
            attempt = {"model": answer.target.model, "usage": {"input_tokens": 9, "output_tokens": 30}}
            reports.append(ObserveRequest(feedback_token=answer.feedback_token, quality=good, attempts=[attempt]))
        answered = await atp.observe_batch(ObserveBatchRequest(requests=reports))
        graded += sum(not result.HasField("error") for result in answered.results)
        if (await trial_of(atp)).HasField("ended"):
            break
    return graded


async def kept_events(atp: AtpClient, after: int = 0) -> list[Event]:
    """The events that are kept, after one."""
    request = WatchEventsRequest(after_sequence=after, kept_only=True)
    return [told.event async for told in atp.events.watch(request) if told.HasField("event")]


async def provoke_refusals_of_trials(server: Serving) -> None:
    """Provokes each reason that only trials have."""
    atp = server.acme
    await made(server, "tried")
    await refused(started(atp, "default"), "CHALLENGER_UNFIT", "FAILED_PRECONDITION")
    trial = await started(atp, "tried")
    await refused(started(atp, "tried"), "TRIAL_UNDER_WAY", "FAILED_PRECONDITION")
    await refused(changed(server, "tried", "affinity_weight"), "POLICY_ON_TRIAL", "FAILED_PRECONDITION")
    await serve(atp, 10, default=1.0, tried=0.0)
    await eventually(lambda: trial_of(atp, trial.id), is_it=lambda seen: seen.HasField("ended"))
    await refused(started(atp, "tried"), "TRIAL_COOLING_DOWN", "FAILED_PRECONDITION", retry=True)
