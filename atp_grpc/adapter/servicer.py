"""`atp.adapter.v1` around an adapter: reads requests, keeps the rules, writes events and statuses.

The server of the kit enters here. Whatever goes wrong in an adapter leaves as one of the statuses of the contract; no
text of an exception ever does. A call is open until the adapter's generator has been closed.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Collection
from typing import Any

import grpc
import protovalidate

from atp_grpc.adapter.board import Board
from atp_grpc.adapter.contract import Adapter
from atp_grpc.domain.endpoint import Dialect, Endpoint
from atp_grpc.pb.atp.adapter.v1 import adapter_service_pb2
from atp_grpc.pb.atp.adapter.v1.adapter_service_pb2_grpc import AdapterServiceServicer
from atp_grpc.providers.contract import FaultKind, Generation, ProviderFault
from atp_grpc.providers.order import EventOrder, OutOfOrder
from atp_grpc.providers.remote.events import event_message
from atp_grpc.providers.remote.faults import fault_status
from atp_grpc.providers.remote.requests import read_generation
from atp_grpc.providers.remote.watching import STATES

RENEWALS_PER_LEASE = 3
_LOG = logging.getLogger("atp_grpc.adapter")
_BEARER = "Bearer "


class CallerLeft(Exception):
    """Nobody is there any more to write to."""


class Servicer(AdapterServiceServicer):
    """Serves one adapter."""

    def __init__(self, adapter: Adapter, board: Board, *, keys: Collection[str], lease_seconds: float) -> None:
        """`keys` are those that are let in; none: everybody is."""
        self._adapter = adapter
        self._board = board
        self._keys = [key.encode() for key in keys]
        self._lease_seconds = lease_seconds
        self._validator = protovalidate.Validator()
        self.open_calls = 0
        self._are_all_over = asyncio.Event()
        self._are_all_over.set()

    async def until_all_are_over(self) -> None:
        """Waits until no call of Generate runs: its author has let go of what he held for it."""
        await self._are_all_over.wait()

    async def Describe(  # noqa: N802 - the method of the contract.
        self, request: adapter_service_pb2.DescribeRequest, context: Any
    ) -> adapter_service_pb2.DescribeResponse:
        """Who the adapter is and what it has."""
        await self._let_in(request, context)
        response = adapter_service_pb2.DescribeResponse(
            name=self._adapter.name, version=self._adapter.version, open_calls=self.open_calls
        )
        for model in self._adapter.models():
            response.models.add(**model._asdict())
        return response

    async def Estimate(  # noqa: N802
        self, request: adapter_service_pb2.EstimateRequest, context: Any
    ) -> adapter_service_pb2.EstimateResponse:
        """How many tokens a generation would take."""
        key = await self._let_in(request, context)
        asked = adapter_service_pb2.GenerateRequest(generation=request.generation)
        try:
            estimate = await self._adapter.estimate(self._generation(asked, key))
        except Exception as error:
            await self._refuse(error, context)
            raise
        if estimate is None:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, "this adapter cannot estimate")
            raise AssertionError
        return adapter_service_pb2.EstimateResponse(**estimate._asdict())

    async def Generate(  # noqa: N802
        self, request: adapter_service_pb2.GenerateRequest, context: Any
    ) -> None:
        """Answers a prompt."""
        key = await self._let_in(request, context)
        self.open_calls += 1
        self._are_all_over.clear()
        try:
            await self._answer(self._generation(request, key), context)
        except CallerLeft:
            return
        except Exception as error:
            await self._refuse(error, context)
            raise
        finally:
            self.open_calls -= 1
            if not self.open_calls:
                self._are_all_over.set()

    async def Watch(  # noqa: N802
        self, request: adapter_service_pb2.WatchRequest, context: Any
    ) -> None:
        """Tells in which state a model is."""
        await self._let_in(request, context)
        if not self._has(request.model):
            await self._refuse(ProviderFault(FaultKind.MODEL_UNKNOWN), context)
        while True:
            standing, is_last = self._board.standing(request.model), self._board.is_closed
            response = adapter_service_pb2.WatchResponse(
                state=STATES[standing.state],
                suggested_window=standing.suggested_window,
            )
            response.lease.FromNanoseconds(round(self._lease_seconds * 1e9))
            await context.write(response)
            if is_last:
                return
            if self._board.standing(request.model) == standing and not self._board.is_closed:
                await self._board.change(self._lease_seconds / RENEWALS_PER_LEASE)

    async def _answer(self, generation: Generation, context: Any) -> None:
        order = EventOrder()
        events = self._adapter.generate(generation)
        try:
            async for event in events:
                order.check(event)
                try:
                    await context.write(event_message(event))
                except grpc.aio.InternalError:
                    raise CallerLeft from None
        finally:
            await events.aclose()
        if not order.is_finished:
            raise OutOfOrder("an answer ends with a finish")

    async def _let_in(self, request: Any, context: Any) -> str:
        """The caller's key; refuses a caller without a good one, and a message that breaks a rule."""
        header = dict(context.invocation_metadata() or ()).get("authorization", "")
        key = header.removeprefix(_BEARER) if isinstance(header, str) and header.startswith(_BEARER) else ""
        if self._keys and not any(hmac.compare_digest(key.encode(), known) for known in self._keys):
            await self._refuse(ProviderFault(FaultKind.KEY_REFUSED), context)
        if self._validator.collect_violations(request):
            await self._refuse(ProviderFault(FaultKind.INVALID_REQUEST), context)
        return key

    def _generation(self, request: adapter_service_pb2.GenerateRequest, key: str) -> Generation:
        model = request.generation.model
        if not self._has(model):
            raise ProviderFault(FaultKind.MODEL_UNKNOWN)
        return read_generation(request, Endpoint(Dialect.REMOTE, model=model), key)

    def _has(self, model: str) -> bool:
        return any(known.name == model for known in self._adapter.models())

    async def _refuse(self, error: Exception, context: Any) -> None:
        """Ends the call with the status of an error; the log is told the kind of one that is no fault."""
        if isinstance(error, grpc.aio.AbortError):
            return
        if isinstance(error, ProviderFault):
            await context.abort(*fault_status(error))
        rule = str(error) if isinstance(error, OutOfOrder) else "its exception is not a ProviderFault"
        _LOG.error("the adapter broke its promise: %s (%s)", rule, type(error).__name__)
        await context.abort(*fault_status(ProviderFault(FaultKind.MALFORMED)))
