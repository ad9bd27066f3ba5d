"""Savings statements to the wire: whole nano-dollars, and no interval where there is none."""

from __future__ import annotations

from atp_grpc.learning.evaluation.evaluator import Refused
from atp_grpc.learning.evaluation.judging import Taken
from atp_grpc.learning.savings import Basis, Figures, Group, Statement
from atp_grpc.pb.atp.v1 import savings_pb2 as pb
from atp_grpc.services.convert.decisions import moment
from atp_grpc.services.convert.evaluations import footing, refusal

BASES = {Basis.ESTIMATED: pb.SAVINGS_BASIS_ESTIMATED, Basis.PREDICTED: pb.SAVINGS_BASIS_PREDICTED}


def response(statement: Statement, taken: Taken) -> pb.ComputeSavingsResponse:
    """A statement, with the decisions it was made of."""
    cost, share = statement.cost, statement.saved_share
    verdict = cost.verdict
    return pb.ComputeSavingsResponse(
        compared=_group(statement.compared),
        baseline_cost=_amount(cost),
        saving=_amount(statement.saving),
        saving_share=None if share is None else _share(share),
        basis=BASES[cost.basis],
        refusal=refusal(verdict) if isinstance(verdict, Refused) else None,
        footing=footing(verdict.overlap),
        predicted_nano_usd=round(statement.predicted_nano_usd),
        weights_below=0.0 if isinstance(verdict, Refused) else verdict.overlap.footing.below,
        quality=_quality(statement),
        beside=_group(statement.beside),
        explored=_group(statement.explored),
        out_of_reach=_group(statement.out_of_reach),
        unbilled=_group(statement.unbilled),
        void_decisions=statement.void,
        warm_up_decisions=taken.unjudged,
        misfit_decisions=taken.misfits,
        first_decided_at=None if taken.first_nanos is None else moment(taken.first_nanos),
        last_decided_at=None if taken.last_nanos is None else moment(taken.last_nanos),
    )


def _quality(statement: Statement) -> pb.SavingsQuality:
    had, baseline = statement.quality, statement.baseline_quality
    verdict = baseline.verdict
    return pb.SavingsQuality(
        paid_for=had,
        graded=statement.graded,
        baseline=_share(baseline),
        gain=None if had is None else _share(baseline.under(had)),
        basis=BASES[baseline.basis],
        refusal=refusal(verdict) if isinstance(verdict, Refused) else None,
        footing=footing(verdict.overlap),
    )


def _group(group: Group) -> pb.DecisionGroup:
    return pb.DecisionGroup(decisions=group.decisions, nano_usd=group.nano_usd)


def _amount(figures: Figures) -> pb.SavedAmount:
    bounds = figures.bounds
    return pb.SavedAmount(
        nano_usd=round(figures.value),
        low_nano_usd=None if bounds is None else round(bounds.low),
        high_nano_usd=None if bounds is None else round(bounds.high),
    )


def _share(figures: Figures) -> pb.SavedShare:
    bounds = figures.bounds
    return pb.SavedShare(
        value=figures.value,
        low=None if bounds is None else bounds.low,
        high=None if bounds is None else bounds.high,
    )
