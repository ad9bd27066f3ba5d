"""Champion and challenger over a real socket: what is shown on live traffic is carried out, and outlives a kill."""

from __future__ import annotations

import re
import signal
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from atp_grpc.client import AtpClient
from atp_grpc.client.messages import (
    CreatePolicyRequest,
    DeletePolicyRequest,
    EventKind,
    FieldMask,
    ListTrialsRequest,
    ObserveRequest,
    RouteRequest,
    RoutingPolicy,
    StartTrialRequest,
    StopTrialRequest,
    TrialQuestion,
    TrialState,
    TrialStopCause,
    TrialVerdict,
    UpdatePolicyRequest,
    WatchEventsRequest,
)
from atp_grpc.pb.atp.v1 import stream_pb2
from tests.rpc.policies import changed, made, read
from tests.rpc.provoking import prompt, refused
from tests.rpc.server_command import server_command
from tests.rpc.serving import ACME, serving
from tests.rpc.trials import GATES, kept_events, serve, started, trial_of
from tests.rpc.waiting import eventually

KEY = re.compile(r"atp_dev_\w+")


async def ended(atp: AtpClient, state: TrialState) -> None:
    seen = await eventually(lambda: trial_of(atp), is_it=lambda trial: trial.HasField("ended"))
    assert seen.state == state, seen


async def kinds(atp: AtpClient) -> list[str]:
    return [EventKind.Name(event.kind).removeprefix("EVENT_KIND_").lower() for event in await kept_events(atp)]


async def test_a_challenger_that_is_better_gets_the_traffic(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        await made(server)
        trial = await started(server.acme)
        assert (trial.state, trial.champion.policy, trial.challenger.version) == (
            TrialState.TRIAL_STATE_RUNNING,
            "default",
            2,
        )
        assert (await read(server)).traffic_share == 0.5
        await serve(server.acme, 20, default=0.3, fast=0.9)
        await ended(server.acme, TrialState.TRIAL_STATE_PROMOTED)
        assert (await read(server)).traffic_share == 1.0
        assert (await server.acme.route(prompt())).policy == "fast"
        told = await trial_of(server.acme)
        assert told.verdict == TrialVerdict.TRIAL_VERDICT_PROMOTE
        assert told.challenger.mean_quality > told.champion.mean_quality
        shown = {one.question: one.shown for one in told.evidence}
        assert shown[TrialQuestion.TRIAL_QUESTION_QUALITY_BETTER]
        assert not shown[TrialQuestion.TRIAL_QUESTION_QUALITY_WORSE]
        assert await kinds(server.acme) == ["trial_started", "trial_verdict", "promoted"]


async def test_a_challenger_that_does_harm_is_taken_out_and_has_to_cool_down(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        await made(server)
        await started(server.acme)
        await serve(server.acme, 20, default=0.9, fast=0.2)
        await ended(server.acme, TrialState.TRIAL_STATE_ROLLED_BACK)
        assert (await read(server)).traffic_share == 0.0
        assert (await server.acme.route(prompt())).policy == "default"
        error = await refused(started(server.acme), "TRIAL_COOLING_DOWN", "FAILED_PRECONDITION", retry=True)
        assert error.metadata == {"policy": "fast", "trial": "trial-000001"}
        await changed(server, "fast", "objective.cost_weight", objective={"cost_weight": 2.0})
        assert (await started(server.acme)).id == "trial-000002"
        assert (await kinds(server.acme))[1:3] == ["trial_verdict", "rolled_back"]


async def test_challengers_that_differ_in_nothing_are_given_up(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        await made(server)
        await started(server.acme, max_requests=800)
        await serve(server.acme, 12)
        await ended(server.acme, TrialState.TRIAL_STATE_STOPPED)
        told = await trial_of(server.acme)
        assert told.verdict == TrialVerdict.TRIAL_VERDICT_FUTILE
        assert told.stop_cause == TrialStopCause.TRIAL_STOP_CAUSE_FUTILE
        assert told.total_requests == 800
        assert (await read(server)).traffic_share == 0.0


async def test_only_requests_that_were_dealt_a_policy_count_and_a_conversation_counts_once(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        await made(server)
        await started(server.acme)
        await serve(server.acme, 1, policy="fast")
        await serve(server.acme, 1, policy="default")
        assert (await trial_of(server.acme)).total_requests == 0
        for number in range(5):
            answer = await server.acme.route(RouteRequest(prompt=f"turn {number}", session_id="one"))
            await server.acme.observe(ObserveRequest(feedback_token=answer.feedback_token, quality=1.0))
        assert (await trial_of(server.acme)).total_requests == 1
        await serve(server.acme, 1)
        assert (await trial_of(server.acme)).total_requests == 101


async def test_another_tenants_requests_count_as_well(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        await made(server)
        await started(server.acme)
        await serve(server.globex, 1)
        trial = await trial_of(server.acme)
        assert trial.champion.graded_requests + trial.challenger.graded_requests == 100


async def test_a_policy_on_trial_stands_still_until_the_trial_is_stopped(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        await made(server)
        trial = await started(server.acme)
        change = UpdatePolicyRequest(
            policy=RoutingPolicy(name="fast", traffic_share=0.9), update_mask=FieldMask(paths=["traffic_share"])
        )
        error = await refused(server.acme.policies.update(change), "POLICY_ON_TRIAL", "FAILED_PRECONDITION")
        assert error.metadata == {"policy": "fast", "trial": trial.id}
        gone = server.acme.policies.delete(DeletePolicyRequest(name="fast"))
        await refused(gone, "POLICY_ON_TRIAL", "FAILED_PRECONDITION")
        judged = await server.acme.trials.stop(StopTrialRequest(id=trial.id, validate_only=True))
        assert not judged.trial.HasField("ended")
        stopped = (await server.acme.trials.stop(StopTrialRequest(id=trial.id))).trial
        assert stopped.stop_cause == TrialStopCause.TRIAL_STOP_CAUSE_OPERATOR
        assert stopped == (await server.acme.trials.stop(StopTrialRequest(id=trial.id))).trial
        await server.acme.policies.delete(DeletePolicyRequest(name="fast"))


async def test_what_cannot_be_a_trial_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        atp = server.acme
        await made(server)
        await made(server, "wide", traffic_share=0.6)
        await refused(started(atp, "nobody"), "RESOURCE_NOT_FOUND", "NOT_FOUND")
        await refused(started(atp, "default"), "CHALLENGER_UNFIT", "FAILED_PRECONDITION")
        error = await refused(started(atp, "wide", 0.1), "CHALLENGER_UNFIT", "FAILED_PRECONDITION")
        assert error.metadata == {"policy": "wide", "cause": "has_share"}
        error = await refused(started(atp, share=0.5), "POLICY_INVALID", "INVALID_ARGUMENT")
        assert error.metadata == {"kinds": "shares_exceeded"}
        await refused(started(atp, share=1.5), "INVALID_FIELD", "INVALID_ARGUMENT")
        await refused(trial_of(atp), "RESOURCE_NOT_FOUND", "NOT_FOUND")
        judged = await started(atp, share=0.2, validate_only=True)
        assert (judged.id, (await read(server)).version) == ("trial-000001", 1)
        assert not await kept_events(atp)
        trial = await started(atp, share=0.2)
        error = await refused(started(atp, share=0.2), "TRIAL_UNDER_WAY", "FAILED_PRECONDITION")
        assert error.metadata == {"trial": trial.id}


async def test_a_start_that_is_sent_twice_starts_once(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        await made(server)
        request = StartTrialRequest(challenger="fast", share=0.5, gates=GATES, request_id="once")
        first, second = await server.acme.trials.start(request), await server.acme.trials.start(request)
        assert first == second
        assert len((await server.acme.trials.list(ListTrialsRequest())).trials) == 1


async def test_events_are_told_as_they_happen_and_the_end_says_where_to_go_on(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        await made(server)
        await started(server.acme)
        watch = server.acme.events.watch(WatchEventsRequest())
        first = await anext(watch)
        assert (first.event.sequence, first.event.kind) == (1, EventKind.EVENT_KIND_TRIAL_STARTED)
        assert first.event.figures["share"] == 0.5
        await server.acme.trials.stop(StopTrialRequest(id="trial-000001"))
        second = (await anext(watch)).event
        assert (second.sequence, second.kind, second.cause) == (2, EventKind.EVENT_KIND_STOPPED, "operator")
        assert [event.sequence for event in await kept_events(server.acme, after=1)] == [2]


async def test_a_watch_ends_in_good_order_when_the_server_drains(tmp_path: Path) -> None:
    async with AsyncExitStack() as clients:
        async with serving(tmp_path) as server:
            await made(server)
            await started(server.acme)
            atp = await clients.enter_async_context(AtpClient.open(server.target, credential=server.credentials[ACME]))
            watch = atp.events.watch(WatchEventsRequest())
            assert (await anext(watch)).event.sequence == 1
        rest = [told async for told in watch]
        assert [told.end.last_sequence for told in rest] == [1]
        assert rest[0].end.reason == stream_pb2.STREAM_END_REASON_DRAINING


@pytest.mark.slow
async def test_a_trial_goes_on_after_a_kill_with_all_of_its_evidence(tmp_path: Path) -> None:
    async with server_command(tmp_path) as server:
        found = KEY.search("\n".join(server.said))
        assert found is not None
        key = found.group()
        async with AtpClient.open(server.target, credential=key) as atp:
            await atp.policies.create(CreatePolicyRequest(policy=RoutingPolicy(name="fast")))
            await started(atp, hold=10_000)
            await serve(atp, 3, default=0.5, fast=0.6)
            before = await trial_of(atp)
        await server.signal(signal.SIGKILL)
        await server.end()
    async with server_command(tmp_path) as server, AtpClient.open(server.target, credential=key) as atp:
        after = await trial_of(atp)
        assert after == before
        assert after.total_requests == 300
        assert len(await kept_events(atp)) == 1
        await serve(atp, 1)
        assert (await trial_of(atp)).total_requests == 400
