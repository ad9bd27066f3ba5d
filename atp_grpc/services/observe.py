"""ObserveService on the wire: decode, call the observer, encode."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from atp_grpc.domain.call import Call
from atp_grpc.domain.decision import Lesson
from atp_grpc.domain.errors import AtpError
from atp_grpc.domain.outcome import Recorded
from atp_grpc.learning.observer import Observer
from atp_grpc.pb.atp.v1 import observe_service_pb2 as pb
from atp_grpc.services.convert.outcomes import observe_response, reference, report
from atp_grpc.services.status import rpc_status
from atp_grpc.services.validation import Validation

_Place = tuple[Lesson, asyncio.Future[Recorded]] | AtpError


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
        places: list[_Place] = []
        try:
            for item in request.requests:
                places.append(await self._submit(item, call))  # noqa: PERF401 - what is in stays known if the caller leaves
            return pb.ObserveBatchResponse(results=[await self._result(place) for place in places])
        finally:
            _let_go(places)

    async def _submit(self, item: pb.ObserveRequest, call: Call) -> _Place:
        """Puts one report into the journal, without a task of its own: a task costs more than the rest of it."""
        try:
            self._validation.validate(item)
            return await self._observer.submit(reference(item), report(item), call)
        except AtpError as error:
            return error

    async def _result(self, place: _Place) -> pb.ObserveResult:
        try:
            if isinstance(place, AtpError):
                return pb.ObserveResult(error=rpc_status(place))
            lesson, future = place
            recorded = await future
        except AtpError as error:
            return pb.ObserveResult(error=rpc_status(error))
        self._on_recorded(recorded)
        return pb.ObserveResult(response=observe_response(lesson, recorded))


def _let_go(places: list[_Place]) -> None:
    """Asks nothing more of the reports that a caller who left was still waiting for; what is queued is recorded."""
    for place in places:
        if isinstance(place, AtpError):
            continue
        _, future = place
        if not future.cancel() and not future.cancelled():
            # Looked at, so that nobody is told of an error that nobody waited for.
            future.exception()
