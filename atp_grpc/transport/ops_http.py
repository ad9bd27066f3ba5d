"""The ops port: `/livez`, `/readyz`, `/startupz`, `/healthz` and `/metrics` over plain HTTP.

Balancers, orchestrators and scrapers ask here, from before the server is up until it is gone. It binds loopback by
default and asks for no credential, so it never answers with anything but health and figures.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from atp_grpc.transport.listening import ListenError

_SERVER = "atp"
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Condition(Protocol):
    """What the process says of itself."""

    @property
    def is_started(self) -> bool:
        """Whether it has ever been able to take calls."""
        ...

    @property
    def is_ready(self) -> bool:
        """Whether callers should be sent here now."""
        ...

    async def report(self) -> tuple[bool, Mapping[str, object]]:
        """Whether it is fit, and everything known of its health; at most a second old, and never long in coming."""
        ...


class OpsServer:
    """Serves the ops port on the running loop."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        registry: CollectorRegistry,
        condition: Condition,
        on_fault: Callable[[BaseException], str],
    ) -> None:
        """Takes where to listen and what to tell.

        Args:
            host: the address to bind to.
            port: 0 takes a free one.
            registry: what `/metrics` shows.
            condition: what the other pages show.
            on_fault: hears of a page that failed; gives the id of the incident.
        """
        self._host = host
        self._port = port
        self._registry = registry
        self._condition = condition
        self._on_fault = on_fault
        self._runner: web.AppRunner | None = None

    async def start(self) -> int:
        """Starts to listen; returns the port.

        Raises:
            ListenError: the address is taken or not ours.
        """
        app = web.Application(middlewares=[self._guard])
        app.router.add_get("/livez", self._live)
        app.router.add_get("/readyz", self._ready)
        app.router.add_get("/startupz", self._started)
        app.router.add_get("/healthz", self._health)
        app.router.add_get("/metrics", self._metrics)
        app.on_response_prepare.append(_dress)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, self._host, self._port, reuse_port=False)
        try:
            await site.start()
        except OSError as fault:
            await runner.cleanup()
            raise ListenError("ops", self._host, self._port) from fault
        self._runner = runner
        return int(runner.addresses[0][1])

    async def stop(self) -> None:
        """Stops to listen."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @web.middleware
    async def _guard(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Errors as JSON, and never more of a fault than its incident."""
        try:
            return await handler(request)
        except web.HTTPException as refusal:
            allow = {"Allow": refusal.headers["Allow"]} if "Allow" in refusal.headers else None
            return _page({"error": refusal.reason.lower()}, status=refusal.status, headers=allow)
        except Exception as fault:  # noqa: BLE001 - the wall of this port
            return _page({"error": "internal error", "incident": self._on_fault(fault)}, status=500)

    @staticmethod
    async def _live(_request: web.Request) -> web.Response:
        """The loop turns, or this would not answer."""
        return web.Response(text="alive\n")

    async def _ready(self, _request: web.Request) -> web.Response:
        """503 before the server serves, while it cannot route, and from the first moment of its drain."""
        return _word("ready") if self._condition.is_ready else _word("not ready", status=503)

    async def _started(self, _request: web.Request) -> web.Response:
        """503 until the server has started, then 200 for ever."""
        return _word("started") if self._condition.is_started else _word("starting", status=503)

    async def _health(self, _request: web.Request) -> web.Response:
        """Every check and every service; 503 when the server is not fit for its work."""
        is_fit, document = await self._condition.report()
        return _page(document, status=200 if is_fit else 503)

    async def _metrics(self, request: web.Request) -> web.Response:
        """Everything in the registry, in the format that the scraper prefers."""
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(self._registry), headers={"Content-Type": content_type})


def _word(text: str, *, status: int = 200) -> web.Response:
    return web.Response(text=text + "\n", status=status)


def _page(document: Mapping[str, object], *, status: int, headers: Mapping[str, str] | None = None) -> web.Response:
    text = json.dumps(document, indent=2, allow_nan=False) + "\n"
    return web.Response(text=text, status=status, headers=headers, content_type="application/json")


async def _dress(_request: web.Request, response: web.StreamResponse) -> None:
    """Names the server without the versions of its libraries; health of a moment ago is of no use to anybody."""
    response.headers["Server"] = _SERVER
    response.headers["Cache-Control"] = "no-store"
