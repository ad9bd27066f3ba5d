"""Trials of routing policies and what a server tells of itself, for Python callers.

Reached as `AtpClient.trials` and `AtpClient.events`. It adds nothing to a call that the client does not.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import grpc

from atp_grpc.client import messages
from atp_grpc.client.calling import Metadata
from atp_grpc.client.errors import call_error
from atp_grpc.client.policies import Caller
from atp_grpc.pb.atp.admin.v1 import event_service_pb2_grpc, policy_service_pb2_grpc


class TrialCalls:
    """The calls; each raises `AtpCallError` and takes `deadline_seconds` to replace the client's own."""

    def __init__(self, channel: grpc.aio.Channel, call: Caller) -> None:
        self._stub = policy_service_pb2_grpc.PolicyServiceStub(channel)
        self._call = call

    async def start(
        self, request: messages.StartTrialRequest, *, deadline_seconds: float | None = None
    ) -> messages.StartTrialResponse:
        """Starts a trial; its challenger has its share when this returns."""
        return await self._call(self._stub.StartTrial, request, deadline_seconds)

    async def get(
        self, request: messages.GetTrialRequest, *, deadline_seconds: float | None = None
    ) -> messages.GetTrialResponse:
        """Reads one trial."""
        return await self._call(self._stub.GetTrial, request, deadline_seconds)

    async def list(
        self, request: messages.ListTrialsRequest, *, deadline_seconds: float | None = None
    ) -> messages.ListTrialsResponse:
        """Reads one page of trials."""
        return await self._call(self._stub.ListTrials, request, deadline_seconds)

    async def stop(
        self, request: messages.StopTrialRequest, *, deadline_seconds: float | None = None
    ) -> messages.StopTrialResponse:
        """Stops a trial; its challenger has no share when this returns."""
        return await self._call(self._stub.StopTrial, request, deadline_seconds)


class EventCalls:
    """The events of a server."""

    def __init__(self, channel: grpc.aio.Channel, metadata: Callable[[], Metadata]) -> None:
        """`metadata` is what goes along with a call."""
        self._stub = event_service_pb2_grpc.EventServiceStub(channel)
        self._metadata = metadata

    async def watch(self, request: messages.WatchEventsRequest) -> AsyncIterator[messages.WatchEventsResponse]:
        """Tells what is kept and then what happens; the last message says where to go on.

        It has no deadline, and ends when the server ends it, for example to shut down.

        Raises:
            AtpCallError: it was refused, or broke off.
        """
        watch = self._stub.WatchEvents(request, metadata=self._metadata())
        try:
            async for response in watch:
                yield response
        except grpc.aio.AioRpcError as error:
            raise call_error(error) from None
        finally:
            watch.cancel()
