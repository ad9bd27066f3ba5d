"""Evaluations between the wire and the story: by which decisions, how far it is, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from atp_grpc.learning.evaluation.estimates import Estimate
from atp_grpc.learning.evaluation.evaluator import LEVEL, Evaluation, Refused
from atp_grpc.learning.evaluation.judging import Judgement, Progress, Scope
from atp_grpc.learning.evaluation.overlap import Overlap, TooThin
from atp_grpc.learning.evaluation.sample import Figure
from atp_grpc.pb.atp.v1 import evaluation_pb2 as pb
from atp_grpc.services.convert.decisions import moment
from atp_grpc.services.convert.history import nanos_of

CAUSES: Final[Mapping[TooThin, pb.EvaluationRefusalCause]] = MappingProxyType(
    {
        TooThin.NOTHING_GRADED: pb.EVALUATION_REFUSAL_CAUSE_NOTHING_GRADED,
        TooThin.UNSUPPORTED: pb.EVALUATION_REFUSAL_CAUSE_UNSUPPORTED,
        TooThin.FEW_EFFECTIVE: pb.EVALUATION_REFUSAL_CAUSE_FEW_EFFECTIVE,
    }
)


def scope(message: pb.EvaluationScope, *, tenant: str | None, now_nanos: int) -> Scope:
    """By which decisions; `tenant` None is everybody, and nothing that is decided after now is met."""
    before = nanos_of(message.decided_before) if message.HasField("decided_before") else now_nanos
    since = nanos_of(message.decided_since) if message.HasField("decided_since") else None
    return Scope(
        tenant=tenant,
        since_nanos=since,
        before_nanos=min(before, now_nanos),
        judged_from_nanos=nanos_of(message.warm_up_before) if message.HasField("warm_up_before") else 0,
        logged_policy=message.logged_policy,
        level=message.confidence or LEVEL,
    )


def metadata(progress: Progress, *, created_nanos: int, started_nanos: int | None) -> pb.EvaluatePolicyMetadata:
    """How far an evaluation has come."""
    return pb.EvaluatePolicyMetadata(
        created_at=moment(created_nanos),
        started_at=None if started_nanos is None else moment(started_nanos),
        decisions_read=progress.read,
        percent=int(100 * progress.share),
    )


def response(judgement: Judgement) -> pb.EvaluatePolicyResponse:
    """What came of an evaluation."""
    is_misfit = judgement.misfits > 0 and judgement.judged == 0
    shares = sorted(judgement.shares.items(), key=lambda item: (-item[1].target, -item[1].logged, item[0]))
    return pb.EvaluatePolicyResponse(
        quality=_measure(judgement.figures[Figure.QUALITY], is_misfit=is_misfit),
        cost_nano_usd=_measure(judgement.figures[Figure.COST], is_misfit=is_misfit),
        shares=[pb.ModelShare(model=model, target=share.target, logged=share.logged) for model, share in shares],
        decisions=judgement.judged,
        warm_up_decisions=judgement.unjudged,
        misfit_decisions=judgement.misfits,
        first_decided_at=None if judgement.first_nanos is None else moment(judgement.first_nanos),
        last_decided_at=None if judgement.last_nanos is None else moment(judgement.last_nanos),
    )


def _measure(found: Evaluation | Refused, *, is_misfit: bool) -> pb.MeasureEvaluation:
    if isinstance(found, Refused):
        cause = (
            pb.EvaluationRefusal(
                cause=pb.EVALUATION_REFUSAL_CAUSE_OTHER_SCHEMA,
                text="The features of every decision are of another schema than the target's.",
            )
            if is_misfit
            else refusal(found)
        )
        return pb.MeasureEvaluation(refusal=cause, footing=footing(found.overlap))
    return pb.MeasureEvaluation(
        estimates=pb.MeasureEstimates(
            value=_estimate(found.value),
            difference=_estimate(found.difference),
            happened=found.happened,
            less_happened=_estimate(found.less_happened),
            ips=_estimate(found.ips),
            snips=_estimate(found.snips),
        ),
        footing=footing(found.overlap),
    )


def refusal(refused: Refused) -> pb.EvaluationRefusal:
    """Why a log cannot tell."""
    return pb.EvaluationRefusal(cause=CAUSES[refused.cause], text=_sentence(refused))


def _sentence(refused: Refused) -> str:
    overlap = refused.overlap
    match refused.cause:
        case TooThin.NOTHING_GRADED:
            return f"Of {overlap.decisions} decisions no outcome is known."
        case TooThin.UNSUPPORTED:
            return (
                f"For {overlap.unsupported_share:.0%} of the requests the target wants models that were no candidates "
                "or could not be drawn."
            )
        case TooThin.FEW_EFFECTIVE:
            return (
                f"{overlap.graded} decisions with a known outcome tell as much of the target as "
                f"{overlap.footing.effective:.1f} of its own would."
            )


def _estimate(estimate: Estimate) -> pb.Estimate:
    return pb.Estimate(**estimate._asdict())


def footing(overlap: Overlap) -> pb.EvaluationFooting:
    """What an estimate rests on."""
    return pb.EvaluationFooting(
        graded=overlap.graded,
        ungraded=overlap.decisions - overlap.graded,
        effective=overlap.footing.effective,
        largest_share=overlap.footing.largest_share,
        mean_weight=overlap.mean_weight,
        weight_deviation=overlap.weight_deviation,
        unsupported_share=overlap.unsupported_share,
        extrapolated_share=overlap.footing.extrapolated,
    )
