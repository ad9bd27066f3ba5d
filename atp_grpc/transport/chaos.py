"""Faults on purpose at the door: calls of clients are late, refused, or fail as by a fault that nobody foresaw.

`app` wraps the methods of the contract where the configuration allows chaos. A call is struck after it was let in and
found valid, before its handler. Health and OperationsService are never struck: they say how a process is, and stop it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from dataclasses import replace
from typing import Any

from atp_grpc.chaos import Chaos, InjectedFault, Site
from atp_grpc.domain.errors import OverloadedError
from atp_grpc.transport.method import Handler, Method

EXEMPT = frozenset({"grpc.health.v1.Health", "atp.admin.v1.OperationsService"})
"""Services that are never struck."""
RETRY_SECONDS = 0.1
"""What a caller who is sent away is told to wait."""
SHARE_REFUSED = 0.5
"""Share of errors that are an OVERLOADED; the others are an INTERNAL with an incident."""


def with_chaos(methods: Iterable[Method], chaos: Chaos) -> list[Method]:
    """The methods, those that are not exempt under the rules for the edge."""
    return [
        method if method.service in EXEMPT else replace(method, handler=_beset(method.handler, chaos))
        for method in methods
    ]


def _beset(handler: Handler, chaos: Chaos) -> Handler:
    def handle(*arguments: Any) -> Coroutine[Any, Any, Any]:
        site = chaos.edge
        return handler(*arguments) if site is None else _struck(site, handler, arguments)

    return handle


async def _struck(site: Site, handler: Handler, arguments: tuple[Any, ...]) -> Any:
    if (strike := site.strike()) is not None:
        await asyncio.sleep(strike.delay_seconds)
        if strike.fault is not None:
            if site.chance.random() < SHARE_REFUSED:
                raise OverloadedError(RETRY_SECONDS)
            raise InjectedFault
    return await handler(*arguments)
