"""PriorService on the wire: takes priors in and tells which a policy was taught."""

from __future__ import annotations

from atp_grpc.domain.call import Call
from atp_grpc.domain.policy import DEFAULT_POLICY
from atp_grpc.learning.importing import PriorDesk
from atp_grpc.learning.priors import AppliedPrior
from atp_grpc.pb.atp.admin.v1 import prior_service_pb2 as pb
from atp_grpc.services.convert.decisions import moment


class PriorServicer:
    """Serves `atp.admin.v1.PriorService`."""

    contract = pb.DESCRIPTOR.services_by_name["PriorService"]

    def __init__(self, *, desk: PriorDesk) -> None:
        self._desk = desk

    async def import_prior(self, request: pb.ImportPriorRequest, call: Call) -> pb.ImportPriorResponse:
        """Teaches a policy a prior."""
        imported = await self._desk.import_prior(
            request.policy or DEFAULT_POLICY, request.prior, validate_only=request.validate_only
        )
        return pb.ImportPriorResponse(
            prior=_prior(imported.prior), unknown_models=imported.unknown_models, revision=imported.revision
        )

    async def get_prior(self, request: pb.GetPriorRequest, call: Call) -> pb.GetPriorResponse:
        """Returns what a policy was taught beforehand."""
        applied, revision = await self._desk.applied(request.policy or DEFAULT_POLICY)
        return pb.GetPriorResponse(priors=map(_prior, applied), revision=revision)


def _prior(applied: AppliedPrior) -> pb.AppliedPrior:
    header = applied.header
    return pb.AppliedPrior(
        digest=applied.digest,
        applied_at=moment(applied.applied_nanos) if applied.applied_nanos else None,
        rows=header.rows,
        row_weight=header.row_weight,
        models=header.models,
        trials=[pb.WeightTrial(row_weight=trial.row_weight, loss=trial.loss) for trial in header.trials],
    )
