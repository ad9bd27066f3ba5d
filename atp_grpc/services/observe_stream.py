"""ObserveStream on the wire: reports up, cumulative acknowledgements down.

The door opens the stream; taking a report is the ObserveServicer's. One task reads and the handler's own acknowledges:
a bounded number of reports may await their acknowledgement, and nothing is read while there is no room for more.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from google.protobuf.message import DecodeError

from atp_grpc.domain.call import Call
from atp_grpc.domain.errors import AtpError, MalformedMessageError, MessageTooLargeError
from atp_grpc.pb.atp.v1 import observe_service_pb2 as pb
from atp_grpc.pb.atp.v1 import stream_pb2
from atp_grpc.services.convert.streams import STREAM_END_REASONS, plain_report
from atp_grpc.services.crowding import Crowding
from atp_grpc.services.observe import ObserveServicer, Place
from atp_grpc.services.status import rpc_status
from atp_grpc.services.stream import CallStream
from atp_grpc.services.validation import Validation

WINDOW = 256
"""Reports of one stream that may await their acknowledgement."""
_CROWDING = Crowding(pb.ObserveStreamRequest)


class ObserveStreamServicer:
    """Serves `atp.v1.ObserveService/ObserveStream`."""

    def __init__(
        self, observations: ObserveServicer, *, validation: Validation, room: Callable[[], Awaitable[None]]
    ) -> None:
        """`room` waits while the journal is full: who sends on and on is kept waiting, where others are refused."""
        self._observations = observations
        self._validation = validation
        self._room = room

    async def observe_stream(self, stream: CallStream, call: Call) -> None:
        """Takes each report as it comes, and acknowledges in order whatever is settled."""
        window = _Window()
        reader = asyncio.get_running_loop().create_task(self._read(stream, window, call))
        reader.add_done_callback(lambda _: window.close())
        sequence = unchanged = failed = 0
        try:
            while await window.wait():
                ack = pb.ObserveStreamAck()
                for place in await window.settled():
                    sequence += 1
                    try:
                        unchanged += not (await self._observations.recorded(place)).recorded_fields
                    except AtpError as error:
                        failed += 1
                        call.note(failed_items=failed)
                        ack.failures.add(sequence=sequence, error=rpc_status(error, call.trace_id))
                ack.last_sequence, ack.total_unchanged = sequence, unchanged
                await stream.send(pb.ObserveStreamResponse(ack=ack).SerializeToString())
            await reader
        finally:
            reader.cancel()
            self._observations.let_go(window.places)
        if stream.end_reason is not None:
            end = stream_pb2.StreamEnd(last_sequence=sequence, reason=STREAM_END_REASONS[stream.end_reason])
            await stream.send_last(pb.ObserveStreamResponse(end=end).SerializeToString())

    async def _read(self, stream: CallStream, window: _Window, call: Call) -> None:
        async for payload in stream:
            await self._room()
            window.add(await self._submitted(payload, stream.max_message_bytes, call))
            await window.room()

    async def _submitted(self, payload: bytes, limit: int, call: Call) -> Place:
        try:
            if len(payload) > limit:
                raise MessageTooLargeError("message", limit_bytes=limit, size_bytes=len(payload))
            _CROWDING.check(payload)
            report = plain_report(payload) or self._parsed(payload)
        except AtpError as error:
            return error.kept()
        return await self._observations.submit(report, call)

    def _parsed(self, payload: bytes) -> bytes:
        """The report in a message that is not plainly written.

        Raises:
            MalformedMessageError: no message of that type.
            InvalidFieldError: there is no report in it.
        """
        try:
            item = pb.ObserveStreamRequest.FromString(payload)
        except DecodeError:
            raise MalformedMessageError from None
        if not item.HasField("request"):
            self._validation.validate(item)
        return item.request.SerializeToString()


class _Window:
    """Reports that were taken and are not acknowledged yet, in order."""

    def __init__(self) -> None:
        self.places: deque[Place] = deque()
        self._is_closed = False
        self._came = asyncio.Event()
        self._went = asyncio.Event()

    def add(self, place: Place) -> None:
        """One more report was taken."""
        self.places.append(place)
        self._came.set()

    def close(self) -> None:
        """No more will come."""
        self._is_closed = True
        self._came.set()

    async def room(self) -> None:
        """Waits while the window is full."""
        while len(self.places) >= WINDOW:
            self._went.clear()
            await self._went.wait()

    async def wait(self) -> bool:
        """Waits until a report is there; tells whether one will be."""
        while not self.places and not self._is_closed:
            self._came.clear()
            await self._came.wait()
        return bool(self.places)

    async def settled(self) -> list[Place]:
        """The first reports, once something is known of the first: as many as are known by then, in order.

        One commit settles many reports at once, so one acknowledgement tells of all of them.
        """
        first = self.places[0]
        if not isinstance(first, AtpError) and not first[1].done():
            await asyncio.wait({first[1]})
        count = next((number for number, place in enumerate(self.places) if not _is_settled(place)), len(self.places))
        self._went.set()
        return [self.places.popleft() for _ in range(count)]


def _is_settled(place: Place) -> bool:
    return isinstance(place, AtpError) or place[1].done()
