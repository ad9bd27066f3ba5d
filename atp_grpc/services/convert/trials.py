"""Trials and events to the wire, and the terms of a trial from it."""

from __future__ import annotations

import math
from typing import cast

from atp_grpc.domain.event import Event, EventKind
from atp_grpc.learning.trial.evidence import Measure, Question
from atp_grpc.learning.trial.run import StopCause, TrialRun, TrialState
from atp_grpc.learning.trial.terms import Gates, Side, TrialTerms, Verdict
from atp_grpc.learning.trial.wealth import SHOWN
from atp_grpc.pb.atp.admin.v1 import event_service_pb2 as event_pb
from atp_grpc.pb.atp.admin.v1 import trial_pb2 as pb
from atp_grpc.services.convert.decisions import moment

VERDICTS = {word: cast("pb.TrialVerdict", pb.TrialVerdict.Value(f"TRIAL_VERDICT_{word.name}")) for word in Verdict}
STATES = {word: cast("pb.TrialState", pb.TrialState.Value(f"TRIAL_STATE_{word.name}")) for word in TrialState}
STOP_CAUSES = {
    word: cast("pb.TrialStopCause", pb.TrialStopCause.Value(f"TRIAL_STOP_CAUSE_{word.name}")) for word in StopCause
}
QUESTIONS = {word: cast("pb.TrialQuestion", pb.TrialQuestion.Value(f"TRIAL_QUESTION_{word.name}")) for word in Question}
EVENT_KINDS = {
    kind: cast("event_pb.EventKind", event_pb.EventKind.Value(f"EVENT_KIND_{kind.name}")) for kind in EventKind
}
_MOST_LOG = 700.0
"""Beyond this a wealth is no number any more."""


def trial_terms(request: pb.StartTrialRequest) -> TrialTerms:
    """What a request asks for; what is absent has its default."""
    given, plain, terms = request.gates, Gates(), TrialTerms(request.challenger, request.share)
    failure_margin = given.failure_margin if given.HasField("failure_margin") else plain.failure_margin
    return TrialTerms(
        challenger=request.challenger,
        share=request.share,
        gates=Gates(
            quality_margin=given.quality_margin if given.HasField("quality_margin") else plain.quality_margin,
            cost_saving=given.cost_saving if given.HasField("cost_saving") else plain.cost_saving,
            failure_margin=None if given.ignores_failures else failure_margin,
            latency_margin=given.latency_margin if given.HasField("latency_margin") else None,
        ),
        max_requests=request.max_requests or terms.max_requests,
        hold=request.hold if request.HasField("hold") else terms.hold,
    )


def trial(run: TrialRun) -> pb.Trial:
    """A trial with everything that is known by now."""
    terms, gates, machine = run.terms, run.terms.gates, run.trial
    return pb.Trial(
        id=run.trial_id,
        state=STATES[run.state],
        verdict=VERDICTS[machine.verdict],
        stop_cause=None if run.cause is None else STOP_CAUSES[run.cause],
        share=terms.share,
        gates=pb.TrialGates(
            quality_margin=gates.quality_margin,
            cost_saving=gates.cost_saving,
            failure_margin=gates.failure_margin,
            ignores_failures=gates.failure_margin is None,
            latency_margin=gates.latency_margin,
        ),
        max_requests=terms.max_requests,
        hold=terms.hold,
        started=moment(run.sides.since_nanos),
        ended=None if run.ended_nanos is None else moment(run.ended_nanos),
        total_requests=machine.requests,
        held=machine.held,
        champion=_side(run, Side.CHAMPION),
        challenger=_side(run, Side.CHALLENGER),
        evidence=[
            pb.TrialEvidence(question=QUESTIONS[question], wealth=math.exp(min(log, _MOST_LOG)), shown=log >= SHOWN)
            for question, log in machine.evidence.logs.items()
        ],
    )


def event(told: Event) -> event_pb.Event:
    """An event."""
    return event_pb.Event(
        sequence=told.sequence,
        moment=moment(told.moment_nanos),
        kind=EVENT_KINDS[told.kind],
        trial=told.trial,
        policy=told.policy,
        cause=told.cause,
        figures=told.figures,
    )


def _side(run: TrialRun, side: Side) -> pb.TrialSide:
    policy, version = run.sides.challenger if side is Side.CHALLENGER else run.sides.champion
    quality, cost, failure, latency = (run.trial.evidence.standing(measure) for measure in Measure)
    return pb.TrialSide(
        policy=policy,
        version=version,
        graded_requests=quality.outcomes[side],
        mean_quality=quality.means[side],
        billed_requests=cost.outcomes[side],
        mean_cost_nano_usd=cost.means[side],
        attempted_requests=failure.outcomes[side],
        failure_rate=failure.means[side],
        timed_requests=latency.outcomes[side],
        mean_latency_seconds=latency.means[side],
    )
