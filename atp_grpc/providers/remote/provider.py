"""The provider that speaks to adapters: one gRPC call for one generation, and a watch on how each adapter is doing.

`app` enters here. Whatever an adapter sends is read as a stranger's word: messages that cannot be read, events out of
order and numbers out of bounds make the answer malformed. `Finished` is given when the call has ended well behind it,
not before, so that an adapter that says more after it is found out.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable
from typing import TypeVar

import grpc
from google.protobuf.message import DecodeError, Message

from atp_grpc.domain.clock import Clock
from atp_grpc.domain.endpoint import Endpoint
from atp_grpc.pb.atp.adapter.v1 import adapter_service_pb2
from atp_grpc.providers.contract import Event, FaultKind, Finished, Generation, ProviderFault, TextDelta, ToolCallDelta
from atp_grpc.providers.http.egress import EgressRule
from atp_grpc.providers.order import EventOrder, OutOfOrder
from atp_grpc.providers.remote.channels import Channels
from atp_grpc.providers.remote.description import Description, Estimate, ModelDescription
from atp_grpc.providers.remote.events import UnreadableEvent, read_event
from atp_grpc.providers.remote.faults import read_fault
from atp_grpc.providers.remote.patience import Patience
from atp_grpc.providers.remote.requests import generate_request, generation_message
from atp_grpc.providers.remote.watching import Watch
from atp_grpc.providers.standing import Standing

Response = TypeVar("Response", bound=Message)

_SERVICE = "/atp.adapter.v1.AdapterService/"
_SHORT_SECONDS = 10.0
"""Time limit of the free calls."""
_OURS = {
    (True, False): FaultKind.TIMEOUT,
    (True, True): FaultKind.STALLED,
    (False, False): FaultKind.UNAVAILABLE,
    (False, True): FaultKind.CUT,
}
"""What it is called that a call was ended here: by whether time ran out, and whether an event had come."""


class RemoteProvider:
    """Speaks `atp.adapter.v1`. Its endpoints' addresses are `host:port`."""

    def __init__(
        self,
        egress: EgressRule,
        *,
        clock: Clock,
        chance: random.Random,
        root_certificates: bytes | None = None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`egress` says which targets are private ones. `pause` waits between two watches of an adapter."""
        self._channels = Channels(egress, root_certificates=root_certificates)
        self._clock = clock
        self._chance = chance
        self._pause = pause
        self._watched: dict[tuple[str, str], tuple[Endpoint, str]] = {}
        self._watches: dict[tuple[str, str], tuple[Watch, asyncio.Task[None]]] = {}

    async def generate(self, generation: Generation) -> AsyncGenerator[Event, None]:
        """Calls the adapter and gives what comes.

        Raises:
            ProviderFault: the call failed; never after `Finished`.
        """
        endpoint = generation.endpoint
        channel = await self._channels.channel(endpoint)
        call = channel.unary_stream(f"{_SERVICE}Generate")(
            generate_request(generation).SerializeToString(),
            timeout=endpoint.timeouts.total,
            metadata=_metadata(endpoint, generation.key),
        )
        order = EventOrder()
        patience = Patience(endpoint.timeouts, call.cancel)
        has_begun = False
        finished: Event | None = None
        try:
            async for message in call:
                event = _event(message, order)
                if isinstance(event, Finished):
                    finished = event
                    continue
                has_begun = True
                patience.pause(has_token=isinstance(event, TextDelta | ToolCallDelta))
                yield event
                patience.resume()
        except grpc.aio.AioRpcError as error:
            self._look_up_again(endpoint, channel)
            raise read_fault(error, has_begun=has_begun) from None
        except asyncio.CancelledError:
            if _is_being_cancelled():
                raise
            # The call was ended on this side, by the time limit or by `close`.
            raise ProviderFault(_OURS[patience.has_run_out, has_begun]) from None
        finally:
            patience.stop()
            call.cancel()
        if finished is None:
            raise ProviderFault(FaultKind.CUT if has_begun else FaultKind.MALFORMED)
        yield finished

    async def probe(self, endpoint: Endpoint, key: str) -> None:
        """Asks for the adapter's description.

        Raises:
            ProviderFault: it does not answer, or has no such model.
        """
        description = await self.describe(endpoint, key)
        if endpoint.model not in {model.name for model in description.models}:
            raise ProviderFault(FaultKind.MODEL_UNKNOWN)

    async def describe(self, endpoint: Endpoint, key: str) -> Description:
        """Who the adapter is and what it has, at no cost.

        Raises:
            ProviderFault: it does not answer.
        """
        answer = await self._ask(endpoint, key, "Describe", adapter_service_pb2.DescribeRequest().SerializeToString())
        response = _parsed(adapter_service_pb2.DescribeResponse, answer)
        models = tuple(
            ModelDescription(one.name, one.max_context_tokens, one.max_output_tokens, tuple(one.capabilities))
            for one in response.models
        )
        return Description(response.name, response.version, models, response.open_calls)

    async def estimate(self, generation: Generation) -> Estimate:
        """How many tokens a generation would take, at no cost.

        Raises:
            ProviderFault: the adapter does not say; that never means that the generation costs nothing.
        """
        request = adapter_service_pb2.EstimateRequest(generation=generation_message(generation))
        answer = await self._ask(generation.endpoint, generation.key, "Estimate", request.SerializeToString())
        response = _parsed(adapter_service_pb2.EstimateResponse, answer)
        estimate = Estimate(response.input_tokens, response.mean_output_tokens, response.p95_output_tokens)
        if estimate.input_tokens <= 0 or min(estimate) < 0:
            raise ProviderFault(FaultKind.MALFORMED)
        return estimate

    def watch(
        self,
        endpoints: Iterable[tuple[Endpoint, str]],
        *,
        on_change: Callable[[Endpoint, Standing], None] | None = None,
    ) -> None:
        """Keeps watch on exactly these endpoints from now on, each with its key; others are let go of.

        A watch that stands goes on, and shows another key when it has to begin anew. `on_change` hears every word of an
        endpoint.
        """
        wanted = self._watched = {(endpoint.base_url, endpoint.model): (endpoint, key) for endpoint, key in endpoints}
        for name in self._watches.keys() - wanted.keys():
            self._watches.pop(name)[1].cancel()
        for name in wanted.keys() - self._watches.keys():
            self._watches[name] = self._started(name, wanted[name][0], on_change)

    def standing(self, endpoint: Endpoint) -> Standing | None:
        """How an endpoint says it is doing; None for one that is not watched."""
        watched = self._watches.get((endpoint.base_url, endpoint.model))
        return None if watched is None else watched[0].standing

    async def close(self) -> None:
        """Ends watches and open calls, and closes every channel. Calling it again is fine."""
        tasks = [task for _, task in self._watches.values()]
        self._watches.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._channels.close()

    def _started(
        self, name: tuple[str, str], endpoint: Endpoint, on_change: Callable[[Endpoint, Standing], None] | None
    ) -> tuple[Watch, asyncio.Task[None]]:
        watch = Watch(
            lambda: self._states(*self._watched[name]),
            clock=self._clock,
            chance=self._chance,
            pause=self._pause,
            on_change=lambda standing: on_change(endpoint, standing) if on_change is not None else None,
        )
        task = asyncio.get_running_loop().create_task(watch.follow(), name=f"watch of adapter {endpoint.base_url}")
        return watch, task

    async def _states(self, endpoint: Endpoint, key: str) -> AsyncIterable[bytes]:
        channel = await self._channels.channel(endpoint)
        request = adapter_service_pb2.WatchRequest(model=endpoint.model).SerializeToString()
        call = channel.unary_stream(f"{_SERVICE}Watch")(request, metadata=_metadata(endpoint, key))
        try:
            async for message in call:
                yield message
        except asyncio.CancelledError:
            if _is_being_cancelled():
                raise
            # Its channel was closed.
            raise ProviderFault(FaultKind.UNAVAILABLE) from None
        finally:
            call.cancel()

    async def _ask(self, endpoint: Endpoint, key: str, method: str, request: bytes) -> bytes:
        channel = await self._channels.channel(endpoint)
        call = channel.unary_unary(f"{_SERVICE}{method}")
        try:
            answer: bytes = await call(request, timeout=_SHORT_SECONDS, metadata=_metadata(endpoint, key))
        except grpc.aio.AioRpcError as error:
            self._look_up_again(endpoint, channel)
            raise read_fault(error, has_begun=False) from None
        return answer

    def _look_up_again(self, endpoint: Endpoint, channel: grpc.aio.Channel) -> None:
        """A channel that is not connected after a failure is given up: its name may lead elsewhere by now."""
        if channel.get_state() is grpc.ChannelConnectivity.TRANSIENT_FAILURE:
            self._channels.forget(endpoint, channel)


def _event(message: bytes, order: EventOrder) -> Event:
    try:
        event = read_event(adapter_service_pb2.GenerateResponse.FromString(message))
        order.check(event)
    except (DecodeError, UnreadableEvent, OutOfOrder):
        raise ProviderFault(FaultKind.MALFORMED) from None
    return event


def _parsed(kind: type[Response], answer: bytes) -> Response:
    try:
        return kind.FromString(answer)
    except DecodeError:
        raise ProviderFault(FaultKind.MALFORMED) from None


def _metadata(endpoint: Endpoint, key: str) -> list[tuple[str, str]]:
    metadata = [(name.lower(), value) for name, value in endpoint.headers.items()]
    if key:
        metadata.append(("authorization", f"Bearer {key}"))
    return metadata


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
