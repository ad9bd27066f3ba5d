"""AskService on the wire: read, run the story, write what it tells as it tells it.

The door enters here. One event is pulled out of the story and sent before the next is asked for, so a caller that reads
slowly slows the provider down; a caller that leaves closes the story at once. The status is OK only after a `Final`.
Nothing here decides, retries or bills.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from atp_grpc.domain.ask import AskEvent, AskRequest, Audience, Final
from atp_grpc.domain.call import Call
from atp_grpc.domain.claim import ClaimKey
from atp_grpc.pb.atp.v1 import ask_service_pb2 as pb
from atp_grpc.services.ask_joining import AskRuns
from atp_grpc.services.ask_wire.contract import Reader, Writer
from atp_grpc.services.ask_wire.reference import ReferenceReader, ReferenceWriter
from atp_grpc.services.convert.answers import UnfinishedAnswerError, WholeAnswer, replayed_events
from atp_grpc.services.raw import takes_bytes
from atp_grpc.services.stream import CallStream
from atp_grpc.services.validation import Validation
from atp_grpc.shared.contract import Replay

_METHOD = "atp.v1.AskService"
"""Ask and AskStream share their request ids: whoever lost a stream may fetch the whole answer, and the other way."""

Answer = Callable[[AskRequest, Call, float, Audience], AsyncGenerator[AskEvent, None]]
"""The story: `(request, call, seconds the call waited, for whom)` gives its events. It ends with `Final` or raises."""


class AskServicer:
    """Serves `atp.v1.AskService`."""

    contract = pb.DESCRIPTOR.services_by_name["AskService"]

    def __init__(
        self,
        *,
        answer: Answer,
        runs: AskRuns,
        validation: Validation,
        monotonic: Callable[[], float],
        reader: Reader | None = None,
        writer: Writer | None = None,
    ) -> None:
        """`answer` is the story, `runs` shares it among callers with the same id, `monotonic` is the calls' clock.

        Without a reader and a writer messages are made on the way.
        """
        self._answer = answer
        self._runs = runs
        self._monotonic = monotonic
        self._reader = reader or ReferenceReader(validation)
        self._writer = writer or ReferenceWriter()

    @takes_bytes
    async def ask(self, payload: bytes, call: Call) -> bytes:
        """Gives the whole answer."""
        request, whole = self._reader.read(payload), WholeAnswer()
        async with aclosing(self._events(request, payload, call)) as events:
            async for event in events:
                if isinstance(event, Replay):
                    return event.response
                whole.add(event)
        _note(call, whole.final)
        return self._writer.response(whole)

    @takes_bytes
    async def ask_stream(self, payload: bytes, stream: CallStream, call: Call) -> None:
        """Gives the answer as it comes."""
        request, write = self._reader.read_streamed(payload), self._writer.event
        sequence, final = 0, None
        async with aclosing(self._events(request, payload, call)) as events:
            async for event in events:
                if isinstance(event, Replay):
                    for replayed in replayed_events(event.response):
                        await stream.send(replayed)
                    return
                sequence += 1
                await stream.send(write(sequence, event))
                if type(event) is Final:
                    final = event
        _note(call, final)
        if final is None:
            raise UnfinishedAnswerError

    def _events(self, request: AskRequest, payload: bytes, call: Call) -> AsyncGenerator[AskEvent | Replay, None]:
        queue_seconds = self._monotonic() - call.arrived

        def begin(audience: Audience) -> AsyncGenerator[AskEvent, None]:
            return self._answer(request, call, queue_seconds, audience)

        if not request.request_id:
            return begin(Audience(call.deadline))
        key = ClaimKey(call.tenant, _METHOD, request.request_id)
        return self._runs.events(key, _digest(request, payload), call.deadline, begin)


def _digest(request: AskRequest, payload: bytes) -> bytes:
    """Names the request without its id, the same whether it came as a stream."""
    is_streamed = request.is_streamed
    message = pb.AskStreamRequest.FromString(payload).request if is_streamed else pb.AskRequest.FromString(payload)
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
