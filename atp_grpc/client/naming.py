"""Request ids: what makes a Route that was retried one decision instead of two, and an Ask one answer.

The client asks for a copy of each request with its id filled in. It never changes a request that a caller holds, and
never replaces an id that a caller chose.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TypeVar

from atp_grpc.pb.atp.v1 import ask_service_pb2, route_service_pb2

Named = TypeVar("Named", route_service_pb2.RouteRequest, ask_service_pb2.AskRequest)
RequestIds = Callable[[], str]
"""Makes a request id that was never used before: letters, digits and `_.:-`, at most 64 of them."""


def random_request_id() -> str:
    """A random UUID (RFC 9562, version 4)."""
    return str(uuid.uuid4())


def named(request: Named, ids: RequestIds) -> Named:
    """The request itself when it has an id, else a copy that has one."""
    if request.request_id:
        return request
    copy = type(request)()
    copy.CopyFrom(request)
    copy.request_id = ids()
    return copy


def named_batch(request: route_service_pb2.RouteBatchRequest, ids: RequestIds) -> route_service_pb2.RouteBatchRequest:
    """The batch itself when every request in it has an id, else a copy in which every one has."""
    if all(one.request_id for one in request.requests):
        return request
    copy = route_service_pb2.RouteBatchRequest()
    copy.CopyFrom(request)
    for one in copy.requests:
        if not one.request_id:
            one.request_id = ids()
    return copy
