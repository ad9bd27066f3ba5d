"""The ops port: `/livez`, `/readyz` and `/metrics` over plain HTTP, for balancers, orchestrators and scrapers.

It binds loopback by default and asks for no credential, so it never answers with anything but health and figures.
"""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from atp_grpc.transport.listening import ListenError

_SERVER = "atp"


class OpsServer:
    """Serves the ops port on the running loop."""

    def __init__(self, *, host: str, port: int, registry: CollectorRegistry, is_ready: Callable[[], bool]) -> None:
        """Args: `port` 0 takes a free one; `is_ready` says whether callers should be sent here now."""
        self._host = host
        self._port = port
        self._registry = registry
        self._is_ready = is_ready
        self._runner: web.AppRunner | None = None

    async def start(self) -> int:
        """Starts to listen; returns the port.

        Raises:
            ListenError: the address is taken or not ours.
        """
        app = web.Application()
        app.router.add_get("/livez", self._live)
        app.router.add_get("/readyz", self._ready)
        app.router.add_get("/metrics", self._metrics)
        app.on_response_prepare.append(_hide_versions)
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

    @staticmethod
    async def _live(_request: web.Request) -> web.Response:
        """The loop turns, or this would not answer."""
        return web.Response(text="alive\n")

    async def _ready(self, _request: web.Request) -> web.Response:
        """503 before the server serves and from the first moment of its drain."""
        return web.Response(text="ready\n") if self._is_ready() else web.Response(text="not ready\n", status=503)

    async def _metrics(self, request: web.Request) -> web.Response:
        """Everything in the registry, in the format that the scraper prefers."""
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(self._registry), headers={"Content-Type": content_type})


async def _hide_versions(_request: web.Request, response: web.StreamResponse) -> None:
    """Names the server without the versions of its libraries."""
    response.headers["Server"] = _SERVER
