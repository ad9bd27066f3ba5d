"""The part of PolicyService that tries a policy on live traffic."""

from __future__ import annotations

from atp_grpc.domain.call import Call
from atp_grpc.learning.trial.trials import Trials
from atp_grpc.pb.atp.admin.v1 import trial_pb2 as pb
from atp_grpc.services.changing import Changes
from atp_grpc.services.convert import trials as convert
from atp_grpc.services.idempotency import Idempotency
from atp_grpc.services.pages import Pages


class TrialServicer:
    """Serves the trials of `atp.admin.v1.PolicyService`."""

    def __init__(self, *, trials: Trials, pages: Pages, idempotency: Idempotency) -> None:
        self._trials = trials
        self._pages = pages
        self._changes = Changes(idempotency)

    async def start_trial(self, request: pb.StartTrialRequest, call: Call) -> pb.StartTrialResponse:
        """Starts a trial."""

        async def started() -> tuple[pb.StartTrialResponse, str]:
            run = await self._trials.start(convert.trial_terms(request), validate_only=request.validate_only)
            return pb.StartTrialResponse(trial=convert.trial(run)), run.trial_id

        return await self._changes.make(request, call, pb.StartTrialResponse, started)

    async def get_trial(self, request: pb.GetTrialRequest, call: Call) -> pb.GetTrialResponse:
        """Returns one trial."""
        return pb.GetTrialResponse(trial=convert.trial(self._trials.find(request.id)))

    async def list_trials(self, request: pb.ListTrialsRequest, call: Call) -> pb.ListTrialsResponse:
        """Lists trials, the oldest first."""
        runs, token = self._pages.cut(
            self._trials.entries,
            scope=f"{call.tenant}/trials",
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return pb.ListTrialsResponse(trials=map(convert.trial, runs), next_page_token=token)

    async def stop_trial(self, request: pb.StopTrialRequest, call: Call) -> pb.StopTrialResponse:
        """Stops a trial."""

        async def stopped() -> tuple[pb.StopTrialResponse, str]:
            run = await self._trials.stop(request.id, validate_only=request.validate_only)
            return pb.StopTrialResponse(trial=convert.trial(run)), run.trial_id

        return await self._changes.make(request, call, pb.StopTrialResponse, stopped)
