"""Ask for Python callers: the whole answer at once, or its events as they come.

Part of `AtpClient`. A stream is never asked for again behind the caller's back, and a whole answer only when the
request has an id, so that nothing is executed or billed twice. An answer that breaks off is an error, never a shorter
answer.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc

from atp_grpc.client import messages, naming
from atp_grpc.client.calling import CallingClient
from atp_grpc.client.errors import AtpCallError, call_error
from atp_grpc.pb.atp.v1 import ask_service_pb2_grpc

DEFAULT_ASK_DEADLINE_SECONDS = 120.0
"""Models take longer than decisions."""
MOST_ATTEMPTS = 4
FIRST_WAIT_SECONDS = 0.05
LONGEST_WAIT_SECONDS = 1.0


class AskStream:
    """An answer as it comes: iterate over its events, or `collect` it."""

    def __init__(self, call: Any) -> None:
        self._call = call
        self._texts: list[str] = []
        self._tool_calls: dict[int, messages.ToolCall] = {}
        self.response = messages.AskResponse()
        """What came so far, as Ask would have given it; whole once the iteration has ended without an error."""

    def __aiter__(self) -> AskStream:
        """The stream itself."""
        return self

    async def __anext__(self) -> messages.AskStreamResponse:
        """The next event.

        Raises:
            AtpCallError: the call was refused, did not arrive, or the answer broke off.
        """
        try:
            event = await self._call.read()
        except grpc.aio.AioRpcError as error:
            raise call_error(error) from None
        if event is not grpc.aio.EOF:
            self._take(event)
            return event  # type: ignore[no-any-return]
        if not self.response.HasField("final"):
            # Whoever stood between made a good end of a broken one.
            raise AtpCallError("DATA_LOSS", "the stream ended well before the answer did")
        raise StopAsyncIteration

    @property
    def has_text(self) -> bool:
        """Whether any text came, and stands."""
        return bool(self._texts)

    async def collect(self) -> messages.AskResponse:
        """Reads to the end; gives the whole answer.

        Raises:
            AtpCallError: as the iteration does.
        """
        async for _ in self:
            pass
        return self.response

    def _take(self, event: messages.AskStreamResponse) -> None:
        match event.WhichOneof("event"):
            case "decision":
                self.response.decision.CopyFrom(event.decision)
            case "delta" if event.delta.HasField("tool_call"):
                piece = event.delta.tool_call
                call = self._tool_calls.setdefault(piece.index, messages.ToolCall())
                call.call_id += piece.call_id
                call.name += piece.name
                call.arguments_json += piece.arguments_json
            case "delta":
                self._texts.append(event.delta.text)
            case "switch" if event.switch.restarts:
                self._texts.clear()
                self._tool_calls.clear()
            case "final":
                self.response.text = "".join(self._texts)
                self.response.tool_calls.extend(self._tool_calls[index] for index in sorted(self._tool_calls))
                self.response.final.CopyFrom(event.final)


class AskingClient(CallingClient):
    """The calls of AskService."""

    def __init__(
        self,
        channel: grpc.aio.Channel,
        *,
        credential: str,
        deadline_seconds: float,
        request_ids: naming.RequestIds | None,
    ) -> None:
        super().__init__(credential=credential, deadline_seconds=deadline_seconds)
        self._request_ids = request_ids
        self._asks = ask_service_pb2_grpc.AskServiceStub(channel)
        self._chance = random.Random()  # noqa: S311 - spreads retries, nothing more

    async def ask(self, request: messages.AskRequest, *, deadline_seconds: float | None = None) -> messages.AskResponse:
        """Gives the whole answer; by default within two minutes.

        With a request id it is asked for again while the server is UNAVAILABLE, since the server executes an id once.
        """
        if self._request_ids is not None:
            request = naming.named(request, self._request_ids)
        seconds = DEFAULT_ASK_DEADLINE_SECONDS if deadline_seconds is None else deadline_seconds
        loop = asyncio.get_running_loop()
        end, tries, wait = loop.time() + seconds, 0, FIRST_WAIT_SECONDS
        while True:
            tries += 1
            try:
                return await self._call(self._asks.Ask, request, end - loop.time())
            except AtpCallError as error:
                pause = max(error.retry_after_seconds or 0.0, wait * self._chance.random())
                is_last = tries == MOST_ATTEMPTS or not request.request_id or error.code != "UNAVAILABLE"
                if is_last or loop.time() + pause >= end:
                    raise
            await asyncio.sleep(pause)
            wait = min(2 * wait, LONGEST_WAIT_SECONDS)

    @asynccontextmanager
    async def ask_stream(
        self, request: messages.AskRequest, *, deadline_seconds: float | None = None
    ) -> AsyncIterator[AskStream]:
        """The answer as it comes; by default within two minutes. Leaving the block ends the call, answered or not."""
        if self._request_ids is not None:
            request = naming.named(request, self._request_ids)
        call = self._asks.AskStream(
            messages.AskStreamRequest(request=request),
            timeout=DEFAULT_ASK_DEADLINE_SECONDS if deadline_seconds is None else deadline_seconds,
            metadata=self._metadata,
        )
        try:
            yield AskStream(call)
        finally:
            call.cancel()
