"""ObserveService on the wire: decode, call the observer, encode."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from atp_grpc.domain.call import Call
from atp_grpc.domain.errors import AtpError
from atp_grpc.domain.outcome import Recorded
from atp_grpc.learning.observer import Observer
from atp_grpc.pb.atp.v1 import observe_service_pb2 as pb
from atp_grpc.services.convert.outcomes import observe_response, reference, report
from atp_grpc.services.status import rpc_status
from atp_grpc.services.validation import Validation


class ObserveServicer:
    """Serves `atp.v1.ObserveService`."""

    contract = pb.DESCRIPTOR.services_by_name["ObserveService"]

    def __init__(self, *, observer: Observer, validation: Validation, on_recorded: Callable[[Recorded], None]) -> None:
        """`on_recorded` counts an acknowledged report."""
        self._observer = observer
        self._validation = validation
        self._on_recorded = on_recorded

    async def observe(self, request: pb.ObserveRequest, call: Call) -> pb.ObserveResponse:
        """Takes one report."""
        lesson, recorded = await self._observer.observe(reference(request), report(request), call)
        self._on_recorded(recorded)
        return observe_response(lesson, recorded)

    async def observe_batch(self, request: pb.ObserveBatchRequest, call: Call) -> pb.ObserveBatchResponse:
        """Takes many reports, which go to disk together; each is answered in its own place."""
        results = await asyncio.gather(*(self._item(item, call) for item in request.requests))
        return pb.ObserveBatchResponse(results=results)

    async def _item(self, item: pb.ObserveRequest, call: Call) -> pb.ObserveResult:
        try:
            self._validation.validate(item)
            return pb.ObserveResult(response=await self.observe(item, call))
        except AtpError as error:
            return pb.ObserveResult(error=rpc_status(error))
