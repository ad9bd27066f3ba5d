"""What another policy would have earned, for Python callers: begun, waited for, and read.

Reached as `AtpClient.evaluations`. Besides the calls themselves it waits for an operation, and takes it back when its
caller does not wait for the end.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import grpc
from google.longrunning import operations_pb2 as pb
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from atp_grpc.client import messages
from atp_grpc.client.errors import AtpCallError, refusal
from atp_grpc.client.policies import Caller
from atp_grpc.pb.atp.admin.v1 import policy_service_pb2_grpc
from atp_grpc.pb.atp.v1 import decision_service_pb2_grpc

_LOOK_SECONDS = 1.0

Follow = Callable[[messages.EvaluatePolicyMetadata], None]


def _method(
    channel: grpc.aio.Channel, name: str, response: type[Message]
) -> grpc.aio.UnaryUnaryMultiCallable[Message, Any]:
    """A method of `google.longrunning.Operations`.

    The stubs that googleapis-common-protos ships (1.76.0) import a second copy of its messages, which protobuf refuses.
    """
    return channel.unary_unary(
        f"/google.longrunning.Operations/{name}",
        request_serializer=lambda request: request.SerializeToString(),
        response_deserializer=response.FromString,
    )


def _nothing(_: messages.EvaluatePolicyMetadata) -> None:
    pass


class EvaluationCalls:
    """The calls; each raises `AtpCallError`."""

    def __init__(self, channel: grpc.aio.Channel, call: Caller) -> None:
        self._decisions = decision_service_pb2_grpc.DecisionServiceStub(channel)
        self._policies = policy_service_pb2_grpc.PolicyServiceStub(channel)
        self._get = _method(channel, "GetOperation", pb.Operation)
        self._list = _method(channel, "ListOperations", pb.ListOperationsResponse)
        self._cancel = _method(channel, "CancelOperation", Empty)
        self._delete = _method(channel, "DeleteOperation", Empty)
        self._wait = _method(channel, "WaitOperation", pb.Operation)
        self._call = call

    async def begin(self, request: messages.EvaluatePolicyRequest) -> pb.Operation:
        """Begins to judge a policy in force, a model, or chance; the operation is done where the log is short."""
        operation: pb.Operation = await self._call(self._decisions.EvaluatePolicy, request, None)
        return operation

    async def begin_simulation(self, request: messages.SimulatePolicyRequest) -> pb.Operation:
        """Begins to judge a policy that is not made yet."""
        operation: pb.Operation = await self._call(self._policies.SimulatePolicy, request, None)
        return operation

    async def evaluate(
        self, request: messages.EvaluatePolicyRequest, *, follow: Follow = _nothing
    ) -> messages.EvaluatePolicyResponse:
        """Judges a policy, and waits for the end; `follow` is told about once a second how far it is.

        A caller who is cancelled cancels the operation.
        """
        return result(await self._ended(await self.begin(request), follow))

    async def simulate(
        self, request: messages.SimulatePolicyRequest, *, follow: Follow = _nothing
    ) -> messages.EvaluatePolicyResponse:
        """Judges a policy that is not made yet, and waits for the end like `evaluate`."""
        return result(await self._ended(await self.begin_simulation(request), follow))

    async def begin_savings(self, request: messages.ComputeSavingsRequest) -> pb.Operation:
        """Begins to say what routing saved."""
        operation: pb.Operation = await self._call(self._decisions.ComputeSavings, request, None)
        return operation

    async def savings(
        self, request: messages.ComputeSavingsRequest, *, follow: Follow = _nothing
    ) -> messages.ComputeSavingsResponse:
        """Says what routing saved, and waits for the end like `evaluate`."""
        return savings_result(await self._ended(await self.begin_savings(request), follow))

    async def get(self, name: str) -> pb.Operation:
        """Reads an operation as it stands."""
        request = pb.GetOperationRequest(name=name)
        operation: pb.Operation = await self._call(self._get, request, None)
        return operation

    async def list(self) -> list[pb.Operation]:
        """Reads the tenant's operations."""
        found: pb.ListOperationsResponse = await self._call(self._list, pb.ListOperationsRequest(), None)
        return list(found.operations)

    async def cancel(self, name: str) -> None:
        """Cancels an operation; when it returns, nothing of it runs any more."""
        await self._call(self._cancel, pb.CancelOperationRequest(name=name), None)

    async def delete(self, name: str) -> None:
        """Forgets an operation and its result."""
        await self._call(self._delete, pb.DeleteOperationRequest(name=name), None)

    async def wait(self, name: str, seconds: float) -> pb.Operation:
        """Reads an operation when it has ended, or after so many seconds."""
        request = pb.WaitOperationRequest(name=name)
        request.timeout.FromNanoseconds(round(seconds * 1e9))
        operation: pb.Operation = await self._call(self._wait, request, None)
        return operation

    async def _ended(self, operation: pb.Operation, follow: Follow) -> pb.Operation:
        try:
            while not operation.done:
                follow(progress(operation))
                operation = await self.wait(operation.name, _LOOK_SECONDS)
        except asyncio.CancelledError:
            with contextlib.suppress(AtpCallError):
                await self.cancel(operation.name)
            raise
        return operation


def progress(operation: pb.Operation) -> messages.EvaluatePolicyMetadata:
    """How far an operation is."""
    metadata = messages.EvaluatePolicyMetadata()
    operation.metadata.Unpack(metadata)
    return metadata


def result(operation: pb.Operation) -> messages.EvaluatePolicyResponse:
    """What came of an operation that is done.

    Raises:
        AtpCallError: it failed, or was cancelled.
    """
    response = messages.EvaluatePolicyResponse()
    _unpack(operation, response)
    return response


def savings_result(operation: pb.Operation) -> messages.ComputeSavingsResponse:
    """What came of an operation of `begin_savings` that is done.

    Raises:
        AtpCallError: it failed, or was cancelled.
    """
    response = messages.ComputeSavingsResponse()
    _unpack(operation, response)
    return response


def _unpack(operation: pb.Operation, response: Message) -> None:
    if operation.HasField("error"):
        raise refusal(operation.error)
    operation.response.Unpack(response)
