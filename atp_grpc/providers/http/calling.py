"""Carries one call out over HTTP: sends, reads the answer as it comes, and says honestly how it ended.

The providers of both dialects enter here. An answer is finished only when the model said so; whatever else ends it is
a fault. It never waits longer than the endpoint's time limits allow, and nothing outlives the generator.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from http import HTTPStatus

from atp_grpc.domain.endpoint import Endpoint
from atp_grpc.providers.contract import Event, FaultKind, Generation, ProviderFault, TextDelta
from atp_grpc.providers.http.answers import HttpDialect
from atp_grpc.providers.http.client import HttpClient
from atp_grpc.providers.http.errors import ExchangeError, NotHttp, TargetRefused, TimedOut
from atp_grpc.providers.http.exchange import Exchange
from atp_grpc.providers.http.sse import EventStream

MAX_ERROR_BYTES = 64 * 1024
ERROR_BODY_SECONDS = 2.0
"""How long the words that go with an error's status may take; without them the status alone says what it means."""
MAX_WHOLE_BYTES = 32 * 1024 * 1024


async def carry_out(client: HttpClient, dialect: HttpDialect, generation: Generation) -> AsyncGenerator[Event, None]:
    """The events of one call.

    Raises:
        ProviderFault: it failed; never after `Finished`.
    """
    reading = _Reading(dialect, generation)
    try:
        for event in await reading.begin(client):
            yield event
        while not reading.is_at_end:
            for event in await reading.more():
                yield event
        for event in reading.end():
            yield event
    finally:
        reading.close()


class _Reading:
    """An exchange and the answer that is read out of it."""

    def __init__(self, dialect: HttpDialect, generation: Generation) -> None:
        self.is_at_end = False
        self._dialect = dialect
        self._generation = generation
        self._timeouts = generation.endpoint.timeouts
        self._answer = dialect.answer(generation)
        self._stream = EventStream()
        self._is_streamed = generation.is_streamed
        self._exchange: Exchange | None = None
        self._fault: ProviderFault | None = None

    async def begin(self, client: HttpClient) -> Sequence[Event]:
        """Sends the request; gives what the head of the answer says."""
        try:
            exchange = await client.send(
                self._dialect.request(self._generation),
                connect_seconds=self._timeouts.connect,
                total_seconds=self._timeouts.total,
            )
            self._exchange = exchange
            if self._is_streamed:
                exchange.expect_within(self._timeouts.first_token)
            await exchange.head()
        except ExchangeError as error:
            raise ProviderFault(_kind(error, has_begun=False)) from None
        if exchange.status != HTTPStatus.OK:
            self._fault = await _refusal(self._dialect, exchange)
        elif _is_json(exchange.headers):
            # A whole answer although a stream was asked for, as some do to tell an error.
            self._is_streamed = False
        allowance = self._dialect.allowance(exchange.headers)
        return () if allowance is None else (allowance,)

    async def more(self) -> Sequence[Event]:
        """The next events, as soon as there are any. A fault waits until what came before it was given."""
        if self._fault is not None:
            raise self._fault
        try:
            return await self._piece() if self._is_streamed else await self._whole()
        except ExchangeError as error:
            if not self._answer.is_complete:
                raise ProviderFault(_kind(error, has_begun=self._answer.has_begun)) from None
        self.is_at_end = True
        return ()

    def end(self) -> Sequence[Event]:
        """Lets go of the connection; gives the last events of an answer that is complete."""
        self.close()
        if not self._answer.is_complete:
            raise ProviderFault(FaultKind.CUT)
        return self._answer.last_events()

    def close(self) -> None:
        """Lets go of the connection: at once, unless all that matters was read."""
        exchange, self._exchange = self._exchange, None
        if exchange is None:
            return
        if self._answer.is_over:
            exchange.finish()
        else:
            exchange.close()

    async def _whole(self) -> Sequence[Event]:
        body = await self._open().read_all(MAX_WHOLE_BYTES)
        self.is_at_end = True
        return self._answer.read_whole(body)

    async def _piece(self) -> Sequence[Event]:
        """The events of the next bytes."""
        exchange, answer = self._open(), self._answer
        steps = answer.steps
        piece = await exchange.read()
        events: list[Event] = []
        try:
            for data in self._stream.feed(piece):
                events += answer.read_event(data)
        except ProviderFault as fault:
            self._fault = fault
        except ExchangeError as error:
            self._fault = ProviderFault(_kind(error, has_begun=answer.has_begun))
        else:
            self.is_at_end = answer.is_over or not piece
        if answer.steps > steps:
            exchange.expect_within(self._timeouts.between_chunks)
        return _joined(events)

    def _open(self) -> Exchange:
        if self._exchange is None:
            raise RuntimeError("there is no exchange to read from")
        return self._exchange


async def probe(client: HttpClient, dialect: HttpDialect, endpoint: Endpoint, key: str) -> None:
    """Asks the endpoint for something that costs nothing.

    Raises:
        ProviderFault: it does not answer, or with an error.
    """
    timeouts = endpoint.timeouts
    exchange = None
    try:
        exchange = await client.send(
            dialect.probe(endpoint, key), connect_seconds=timeouts.connect, total_seconds=timeouts.first_token
        )
        await exchange.head()
        if exchange.status != HTTPStatus.OK:
            raise await _refusal(dialect, exchange)
        await exchange.read_all(MAX_WHOLE_BYTES)
    except ExchangeError as error:
        raise ProviderFault(_kind(error, has_begun=False)) from None
    finally:
        if exchange is not None:
            exchange.close()


def _joined(events: list[Event]) -> list[Event]:
    """The same events, texts that came in a row being one: a burst is written to the caller at the price of one."""
    joined: list[Event] = []
    texts: list[str] = []
    for event in events:
        if type(event) is TextDelta:
            texts.append(event.text)
            continue
        if texts:
            joined.append(TextDelta("".join(texts)))
            texts.clear()
        joined.append(event)
    if texts:
        joined.append(TextDelta("".join(texts)))
    return joined


async def _refusal(dialect: HttpDialect, exchange: Exchange) -> ProviderFault:
    """What a status that is no success means; without its body, if that is too long or does not come."""
    exchange.expect_within(ERROR_BODY_SECONDS)
    try:
        body = await exchange.read_all(MAX_ERROR_BYTES)
    except ExchangeError:
        body = b""
    return dialect.fault(exchange.status, exchange.headers, body)


def _is_json(headers: Mapping[bytes, bytes]) -> bool:
    """Whether an answer comes at once, and not as a stream of events."""
    return headers.get(b"content-type", b"").lower().startswith(b"application/json")


def _kind(error: ExchangeError, *, has_begun: bool) -> FaultKind:
    if isinstance(error, TargetRefused):
        return FaultKind.EGRESS_REFUSED
    if isinstance(error, NotHttp):
        return FaultKind.MALFORMED
    if isinstance(error, TimedOut):
        return FaultKind.STALLED if has_begun else FaultKind.TIMEOUT
    return FaultKind.CUT if has_begun else FaultKind.UNAVAILABLE
