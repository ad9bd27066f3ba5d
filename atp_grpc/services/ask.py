"""AskService on the wire: read, run the story, write what it tells as it tells it.

The door enters here. One event is pulled out of the story and sent before the next is asked for, so a caller that reads
slowly slows the provider down; a caller that leaves closes the story at once. The status is OK only after a `Final`.
Nothing here decides, retries or bills.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from google.protobuf.message import DecodeError

from atp_grpc.domain.ask import AskEvent, AskRequest, Final
from atp_grpc.domain.call import Call
from atp_grpc.domain.claim import ClaimKey
from atp_grpc.domain.errors import MalformedMessageError
from atp_grpc.pb.atp.v1 import ask_service_pb2 as pb
from atp_grpc.services.ask_joining import AskRuns
from atp_grpc.services.convert.answers import UnfinishedAnswerError, WholeAnswer, replayed_events, stream_event
from atp_grpc.services.convert.asks import ask_request
from atp_grpc.services.raw import takes_bytes
from atp_grpc.services.stream import CallStream
from atp_grpc.services.validation import Validation
from atp_grpc.shared.contract import Replay

_METHOD = "atp.v1.AskService"
"""Ask and AskStream share their request ids: whoever lost a stream may fetch the whole answer, and the other way."""

Answer = Callable[[AskRequest, Call, float], AsyncGenerator[AskEvent, None]]
"""The story: `(request, call, seconds the call waited)` gives its events. It ends with `Final` or raises."""


class AskServicer:
    """Serves `atp.v1.AskService`."""

    contract = pb.DESCRIPTOR.services_by_name["AskService"]

    def __init__(
        self, *, answer: Answer, runs: AskRuns, validation: Validation, monotonic: Callable[[], float]
    ) -> None:
        """`answer` is the story, `runs` shares it among callers with the same id, `monotonic` is the calls' clock."""
        self._answer = answer
        self._runs = runs
        self._validation = validation
        self._monotonic = monotonic

    @takes_bytes
    async def ask(self, payload: bytes, call: Call) -> bytes:
        """Gives the whole answer."""
        try:
            message = pb.AskRequest.FromString(payload)
        except DecodeError:
            raise MalformedMessageError from None
        self._validation.validate(message)
        whole = WholeAnswer()
        async with aclosing(self._events(message, call, is_streamed=False)) as events:
            async for event in events:
                if isinstance(event, Replay):
                    return event.response
                whole.add(event)
        _note(call, whole.final)
        return whole.response()

    async def ask_stream(self, message: pb.AskStreamRequest, stream: CallStream, call: Call) -> None:
        """Gives the answer as it comes."""
        sequence, final = 0, None
        async with aclosing(self._events(message.request, call, is_streamed=True)) as events:
            async for event in events:
                if isinstance(event, Replay):
                    for replayed in replayed_events(event.response):
                        await stream.send(replayed)
                    return
                sequence += 1
                await stream.send(stream_event(sequence, event))
                if type(event) is Final:
                    final = event
        _note(call, final)
        if final is None:
            raise UnfinishedAnswerError

    def _events(
        self, message: pb.AskRequest, call: Call, *, is_streamed: bool
    ) -> AsyncGenerator[AskEvent | Replay, None]:
        request = ask_request(message, is_streamed=is_streamed)
        queue_seconds = self._monotonic() - call.arrived

        def begin() -> AsyncGenerator[AskEvent, None]:
            return self._answer(request, call, queue_seconds)

        if not request.request_id:
            return begin()
        key = ClaimKey(call.tenant, _METHOD, request.request_id)
        return self._runs.events(key, _digest(message), begin)


def _digest(message: pb.AskRequest) -> bytes:
    """Names the request without its id, which is cleared: nobody reads the message afterwards."""
    message.ClearField("request_id")
    return hashlib.sha256(message.SerializeToString(deterministic=True)).digest()


def _note(call: Call, final: Final | None) -> None:
    if final is not None:
        call.note(
            model=final.target.model,
            deployment=final.target.deployment,
            finish_reason=final.finish_reason.value,
            attempts=len(final.attempts),
            cost_nano_usd=final.cost_nano_usd,
        )
