"""DecisionService on the wire: a tenant reads its own decisions."""

from __future__ import annotations

from atp_grpc.domain.call import Call
from atp_grpc.learning.observer import Observer
from atp_grpc.pb.atp.v1 import decision_service_pb2 as pb
from atp_grpc.services.convert.decisions import decision_record


class DecisionServicer:
    """Serves `atp.v1.DecisionService`."""

    contract = pb.DESCRIPTOR.services_by_name["DecisionService"]

    def __init__(self, *, observer: Observer) -> None:
        self._observer = observer

    async def get_decision(self, request: pb.GetDecisionRequest, call: Call) -> pb.GetDecisionResponse:
        """Returns one decision with what has been observed of it."""
        decision, standing = await self._observer.decision(call.tenant, request.decision_id)
        return pb.GetDecisionResponse(decision=decision_record(decision, standing))
