"""Changes that an operator makes over the API: each is made once per request id, and wholly, whoever leaves.

The servicers of policies and trials enter here. It knows no change.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from google.protobuf.message import Message

from atp_grpc.domain.call import Call
from atp_grpc.domain.claim import ClaimKey
from atp_grpc.pb.atp.admin.v1 import policy_service_pb2 as policy_pb
from atp_grpc.pb.atp.admin.v1 import trial_pb2 as trial_pb
from atp_grpc.services.idempotency import Idempotency

_Request = (
    policy_pb.CreatePolicyRequest
    | policy_pb.UpdatePolicyRequest
    | policy_pb.DeletePolicyRequest
    | policy_pb.RollbackPolicyRequest
    | trial_pb.StartTrialRequest
    | trial_pb.StopTrialRequest
)
_Response = TypeVar("_Response", bound=Message)


class Changes:
    """The changes under way."""

    def __init__(self, idempotency: Idempotency) -> None:
        self._idempotency = idempotency
        self._under_way: set[asyncio.Future[bytes]] = set()

    async def make(
        self,
        request: _Request,
        call: Call,
        response: type[_Response],
        story: Callable[[], Awaitable[tuple[_Response, str]]],
    ) -> _Response:
        """Makes a change; it goes on to its end when the caller leaves.

        `story` gives the response and the name of what it is about. Raises what it raises.
        """

        async def work() -> tuple[bytes, str]:
            answer, name = await story()
            return answer.SerializeToString(), name

        # What is only judged leaves the id free for the change itself.
        request_id = "" if request.validate_only else request.request_id
        key = ClaimKey(call.tenant, call.method, request_id)
        change = asyncio.ensure_future(self._idempotency.once_done(request, key, work=work))
        self._under_way.add(change)
        change.add_done_callback(self._ended)
        return response.FromString(await asyncio.shield(change))

    def _ended(self, change: asyncio.Future[bytes]) -> None:
        self._under_way.discard(change)
        if not change.cancelled():
            # Looked at, so that a refusal whose caller has left is not taken for a fault.
            change.exception()
