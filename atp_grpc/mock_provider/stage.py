"""Plays one call on its connection, as the script wants it: the waits, the writes, and the way it breaks.

The server enters here with a call that has been read. It knows bytes of no dialect and picks no script.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from typing import NoReturn

from aiohttp import web

from atp_grpc.mock_provider.answer import Answer
from atp_grpc.mock_provider.calls import Call, CallLog, Ended
from atp_grpc.mock_provider.dialect import Dialect, Rates, Reason, Refusal
from atp_grpc.mock_provider.script import IN_THE_MIDDLE, REFUSALS, Fault

Pause = Callable[[float], Awaitable[None]]
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_EVENT_END = b"\n\n"


class Stage:
    """One call to one client."""

    def __init__(
        self,
        request: web.BaseRequest,
        call: Call,
        log: CallLog,
        dialect: Dialect,
        *,
        name: str,
        pause: Pause,
    ) -> None:
        """`name` names the answer; `pause` waits for a number of seconds."""
        self._request = request
        self._call = call
        self._log = log
        self._dialect = dialect
        self._pause = pause
        self._name = name
        script = call.script
        rates = Rates(name, script.requests_left, script.tokens_left, script.reset_seconds, time.time())
        self._headers = dialect.headers(rates)

    async def refuse(self, refusal: Refusal) -> web.StreamResponse:
        """An error, with what the script says about waiting."""
        headers = self._headers
        seconds = self._call.script.retry_after_seconds
        if seconds is not None:
            headers["retry-after"] = f"{seconds:g}"
        self._log.end(self._call, Ended.REFUSED, refusal.status)
        return web.Response(
            status=refusal.status, body=refusal.body, content_type="application/json", headers=self._headers
        )

    async def play(self, answer: Answer) -> web.StreamResponse:
        """The answer, or how it fails. Raises `CancelledError` when the client goes away."""
        script = self._call.script
        fault = script.fault
        if fault is Fault.SILENT:
            await _for_ever()
        if script.first_token_seconds:
            await self._pause(script.first_token_seconds)
        if fault is Fault.RESET:
            return self._reset()
        if fault is Fault.NOT_THE_DIALECT:
            self._log.end(self._call, Ended.ANSWERED, 200)
            return web.Response(text="<html><body>Please sign in.</body></html>", content_type="text/html")
        if fault in REFUSALS:
            return await self.refuse(self._dialect.refusal(Reason(fault, self._name, script.status)))
        if self._call.is_streamed:
            return await self._stream(answer)
        return await self._whole(answer)

    async def _whole(self, answer: Answer) -> web.StreamResponse:
        script = self._call.script
        if script.fault is Fault.ENDLESS:
            return await self._endless_whole()
        body = self._dialect.whole(answer)
        tokens = answer.tokens.output if answer.tokens is not None else 0
        if script.token_seconds:
            await self._pause(script.token_seconds * tokens)
        half = body[: len(body) // 2]
        if script.fault in {Fault.CUT, Fault.STALL}:
            response = await self._begin("application/json", length=len(body))
            await response.write(half)
            if script.fault is Fault.STALL:
                await _for_ever()
            return self._cut(response)
        if script.fault in {Fault.MALFORMED, Fault.MISFRAMED, Fault.UNFINISHED}:
            body = half
        elif script.fault is Fault.ERROR_EVENT:
            return await self.refuse(self._dialect.refusal(Reason(Fault.SERVER_ERROR, self._name)))
        elif script.fault is Fault.OVERSIZED:
            body = b" " * script.oversized_bytes + body
        self._call.sent_tokens = tokens
        self._log.end(self._call, Ended.ANSWERED, 200)
        return web.Response(body=body, content_type="application/json", headers=self._headers)

    async def _endless_whole(self) -> NoReturn:
        response = await self._begin("application/json")
        while True:
            await response.write(b" " * 1024)
            await self._pause(self._call.script.token_seconds)

    async def _stream(self, answer: Answer) -> web.StreamResponse:
        script = self._call.script
        pending = script.fault if script.fault in IN_THE_MIDDLE else None
        edge = script.after_tokens
        response = await self._begin("text/event-stream; charset=utf-8")
        await response.write(self._dialect.opening(answer))
        for frame in self._dialect.events(answer, max(1, script.tokens_per_chunk), edge):
            payload = frame.payload
            new = frame.tokens - self._call.sent_tokens
            if pending is not None and frame.tokens > edge:
                if await self._disturb(response, pending, answer):
                    return response
                payload = _disturbed(payload, pending)
                pending = None
            if script.token_seconds and new:
                await self._pause(script.token_seconds * new)
            await response.write(payload)
            self._call.sent_tokens = frame.tokens
            self._log.noticed()
            if script.fault is Fault.ENDLESS:
                # A client that reads as fast as we write never makes `write` wait, and others want their turn.
                await asyncio.sleep(0)
        closing = self._dialect.closing(answer)
        if pending is not None:
            if await self._disturb(response, pending, answer):
                return response
            closing = _disturbed(closing, pending)
        await response.write(closing)
        self._log.end(self._call, Ended.ANSWERED)
        return response

    async def _disturb(self, response: web.StreamResponse, fault: Fault, answer: Answer) -> bool:
        """Breaks a stream in its middle; whether it ends by that."""
        if fault is Fault.CUT:
            self._cut(response)
        elif fault is Fault.UNFINISHED:
            self._log.end(self._call, Ended.CUT)
        elif fault is Fault.STALL:
            await self._stall(response)
        elif fault is Fault.ERROR_EVENT:
            await response.write(self._dialect.error_event())
            self._log.end(self._call, Ended.CUT)
        elif fault is Fault.OVERSIZED:
            await response.write(self._dialect.huge(answer, self._call.script.oversized_bytes))
            return False
        else:
            return False
        return True

    async def _stall(self, response: web.StreamResponse) -> NoReturn:
        seconds = self._call.script.ping_seconds
        while seconds:
            await self._pause(seconds)
            await response.write(self._dialect.ping())
        await _for_ever()

    async def _begin(self, content_type: str, *, length: int | None = None) -> web.StreamResponse:
        response = web.StreamResponse(headers=self._headers | {"content-type": content_type})
        response.content_length = length
        self._call.status = 200
        await response.prepare(self._request)
        return response

    def _cut(self, response: web.StreamResponse) -> web.StreamResponse:
        """Closes the connection; what was written still arrives."""
        self._log.end(self._call, Ended.CUT)
        if self._request.transport is not None:
            self._request.transport.close()
        return response

    def _reset(self) -> web.StreamResponse:
        """Resets the connection."""
        self._log.end(self._call, Ended.CUT)
        transport = self._request.transport
        if transport is not None:
            held: socket.socket = transport.get_extra_info("socket")
            held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            transport.abort()
        return web.StreamResponse()


async def _for_ever() -> NoReturn:
    await asyncio.get_running_loop().create_future()
    raise AssertionError


def _disturbed(payload: bytes, fault: Fault) -> bytes:
    """The same events, the first of them broken or run into what follows."""
    first, rest = payload.split(_EVENT_END, 1)
    if fault is Fault.MALFORMED:
        start = first.index(b"{") + 1
        return first[: (start + len(first)) // 2] + _EVENT_END + rest
    if fault is Fault.MISFRAMED:
        return first + b"\n" + rest
    return payload
