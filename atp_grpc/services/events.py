"""EventService on the wire: what is kept, then what happens, until the server ends the stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from atp_grpc.domain.call import Call
from atp_grpc.domain.event import Event
from atp_grpc.pb.atp.admin.v1 import event_service_pb2 as pb
from atp_grpc.pb.atp.v1 import stream_pb2
from atp_grpc.services.convert import trials as convert
from atp_grpc.services.convert.streams import STREAM_END_REASONS
from atp_grpc.services.stream import CallStream, EndReason

LOOK_EVERY_SECONDS: Final = 0.25
"""Events are rare, and nobody waits for one by the millisecond."""


class EventServicer:
    """Serves `atp.admin.v1.EventService`."""

    contract = pb.DESCRIPTOR.services_by_name["EventService"]

    def __init__(self, after: Callable[[int], tuple[Event, ...]]) -> None:
        """`after` gives the kept events after one, by its sequence."""
        self._after = after

    async def watch_events(self, request: pb.WatchEventsRequest, stream: CallStream, call: Call) -> None:
        """Tells events."""
        sequence = request.after_sequence
        while True:
            for event in self._after(sequence):
                await stream.send(pb.WatchEventsResponse(event=convert.event(event)).SerializeToString())
                sequence = event.sequence
            if request.kept_only or await stream.rest(LOOK_EVERY_SECONDS):
                break
        reason = EndReason.CALLER_DONE if stream.end_reason is None else stream.end_reason
        end = stream_pb2.StreamEnd(last_sequence=sequence, reason=STREAM_END_REASONS[reason])
        await stream.send(pb.WatchEventsResponse(end=end).SerializeToString())
