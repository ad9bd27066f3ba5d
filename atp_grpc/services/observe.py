"""ObserveService on the wire: read, call the observer, write.

Observe and ObserveBatch take bytes and give bytes; no message is made on the way. Every report is taken and awaited
apart, so that many are on their way to the disk together, in a batch or in a stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

from atp_grpc.domain.call import Call
from atp_grpc.domain.decision import Lesson
from atp_grpc.domain.errors import AtpError
from atp_grpc.domain.outcome import NewObservation, Recorded
from atp_grpc.learning.observer import Observer
from atp_grpc.pb.atp.v1 import observe_service_pb2 as pb
from atp_grpc.services.raw import takes_bytes
from atp_grpc.services.reports.contract import Acknowledgement, Reader, Reading, Writer

Place = tuple[Lesson, asyncio.Future[Recorded]] | AtpError


class ObserveServicer:
    """Serves `atp.v1.ObserveService`."""

    contract = pb.DESCRIPTOR.services_by_name["ObserveService"]

    def __init__(
        self, *, observer: Observer, reader: Reader, writer: Writer, on_recorded: Callable[[Sequence[Recorded]], None]
    ) -> None:
        """`on_recorded` counts acknowledged reports."""
        self._observer = observer
        self._reader = reader
        self._writer = writer
        self._on_recorded = on_recorded

    @takes_bytes
    async def observe(self, payload: bytes, call: Call) -> bytes:
        """Takes one report."""
        new = await self._taken(self._reader.read(payload), call)
        acknowledged = await self.recorded((new.lesson, self._observer.record(new)))
        if call.is_traced:
            call.note(decision_id=acknowledged.decision_id)
        return self._writer.response(acknowledged)

    @takes_bytes
    async def observe_batch(self, payload: bytes, call: Call) -> bytes:
        """Takes many reports, which go to disk together; each is answered in its own place."""
        places = [await self._taken_or_error(reading, call) for reading in self._reader.read_batch(payload)]
        results = await self._results(places)
        call.note(items=len(results), failed_items=sum([isinstance(result, AtpError) for result in results]))
        return self._writer.batch(results, trace_id=call.trace_id)

    async def submit(self, item: bytes | pb.ObserveRequest, call: Call) -> Place:
        """Puts one report into the journal, without a task of its own: a task costs more than the rest of it."""
        try:
            reading = self._reader.read(item if isinstance(item, bytes) else item.SerializeToString())
            new = await self._taken(reading, call)
            return new.lesson, self._observer.record(new)
        except AtpError as error:
            return error.kept()

    async def recorded(self, place: Place) -> Acknowledgement:
        """Waits until a report is durable; raises why it is not."""
        if isinstance(place, AtpError):
            raise place
        lesson, future = place
        recorded = await future
        self._on_recorded((recorded,))
        return _acknowledgement(lesson, recorded)

    @staticmethod
    def let_go(places: Iterable[Place]) -> None:
        """Asks nothing more of the reports that a caller who left was still waiting for; what is queued is recorded."""
        for place in places:
            if isinstance(place, AtpError):
                continue
            _, future = place
            if not future.cancel() and not future.cancelled():
                # Looked at, so that nobody is told of an error that nobody waited for.
                future.exception()

    async def _taken(self, reading: Reading, call: Call) -> NewObservation:
        token, decision_id, report = reading
        if token is not None:
            return self._observer.sealed(token, report, call)
        return await self._observer.known(decision_id or "", report, call)

    async def _taken_or_error(self, reading: Reading | AtpError, call: Call) -> NewObservation | AtpError:
        if isinstance(reading, AtpError):
            return reading
        try:
            return await self._taken(reading, call)
        except AtpError as error:
            return error.kept()

    async def _results(self, places: Sequence[NewObservation | AtpError]) -> Sequence[Acknowledgement | AtpError]:
        """Waits until the reports are durable, and acknowledges each in its place or says why not."""
        taken = [place for place in places if not isinstance(place, AtpError)]
        try:
            answers = await self._observer.record_all(taken) if taken else []
        except AtpError as error:
            refusal = error.kept()
            return [place if isinstance(place, AtpError) else refusal for place in places]
        self._on_recorded([answer for answer in answers if not isinstance(answer, AtpError)])
        told = iter(answers)
        return [place if isinstance(place, AtpError) else _result(place.lesson, next(told)) for place in places]


def _result(lesson: Lesson, answer: Recorded | AtpError) -> Acknowledgement | AtpError:
    return answer if isinstance(answer, AtpError) else _acknowledgement(lesson, answer)


def _acknowledgement(lesson: Lesson, recorded: Recorded) -> Acknowledgement:
    observation, recorded_fields, unchanged_fields = recorded
    replica, sequence = ("", 0) if observation is None else (observation.replica, observation.sequence)
    return Acknowledgement(lesson.decision_id, recorded_fields, unchanged_fields, replica, sequence)
