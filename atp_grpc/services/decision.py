"""DecisionService on the wire: a tenant reads its own decisions and why they were made, an operator those of others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from copy import deepcopy
from typing import Final, TypeVar

from google.protobuf.message import Message

from atp_grpc.domain.call import Call
from atp_grpc.domain.errors import PageTokenInvalidError, PermissionDeniedError
from atp_grpc.domain.history import HistoryPage, Logged, Place
from atp_grpc.domain.tenant import EVERYBODY, Permission
from atp_grpc.learning.history import Filter, History
from atp_grpc.learning.observer import Observer
from atp_grpc.pb.atp.v1 import decision_service_pb2 as pb
from atp_grpc.routing.explaining import explain
from atp_grpc.services.convert import history as convert
from atp_grpc.services.convert.decisions import decision_record
from atp_grpc.services.pages import Pages, size_of

PAGE_BYTES: Final = 1024 * 1024
"""A page ends once it is larger than this: clients refuse messages of 4 MiB unless they are told otherwise."""
_AT_ONCE: Final = 16
"""Entries written before others get their turn: a millisecond or two."""

_Listing = pb.ListDecisionsRequest | pb.ListObservationsRequest
_Entry = TypeVar("_Entry", bound=Message)


class DecisionServicer:
    """Serves `atp.v1.DecisionService`."""

    contract = pb.DESCRIPTOR.services_by_name["DecisionService"]

    def __init__(self, *, observer: Observer, history: History, pages: Pages) -> None:
        self._observer = observer
        self._history = history
        self._pages = pages

    async def get_decision(self, request: pb.GetDecisionRequest, call: Call) -> pb.GetDecisionResponse:
        """Returns one decision with what has been observed of it."""
        decision, standing = await self._observer.decision(call.tenant, request.decision_id)
        return pb.GetDecisionResponse(decision=decision_record(decision, standing))

    async def explain_decision(self, request: pb.ExplainDecisionRequest, call: Call) -> pb.ExplainDecisionResponse:
        """Says why a decision came out as it did."""
        tenant = request.tenant or call.tenant
        check_may_read(tenant, call)
        decision, _ = await self._observer.decision(tenant, request.decision_id)
        return convert.explanation(explain(decision))

    async def list_decisions(self, request: pb.ListDecisionsRequest, call: Call) -> pb.ListDecisionsResponse:
        """Lists decisions."""
        decisions, token = await self._listed(
            request,
            call,
            convert.where(request.filter, request.observed),
            lambda logged: convert.decision(logged, request.view, with_tenant=bool(request.tenant)),
        )
        return pb.ListDecisionsResponse(decisions=decisions, next_page_token=token)

    async def list_observations(self, request: pb.ListObservationsRequest, call: Call) -> pb.ListObservationsResponse:
        """Lists what was observed."""
        observations, token = await self._listed(
            request,
            call,
            convert.where(request.filter, pb.OBSERVED_STATE_OBSERVED),
            lambda logged: convert.observation(logged, with_tenant=bool(request.tenant)),
        )
        return pb.ListObservationsResponse(observations=observations, next_page_token=token)

    async def _listed(
        self, request: _Listing, call: Call, where: Filter, write: Callable[[Logged], _Entry]
    ) -> tuple[list[_Entry], str]:
        """A page of the log that the caller may read, and the token of the next."""
        tenant = request.tenant or call.tenant
        check_may_read(tenant, call)
        scope = _scope(request, call, self._history.replica)
        after = _place(self._pages.last(request.page_token, scope)) if request.page_token else None
        query = convert.query(request.filter, request.order, None if request.tenant == EVERYBODY else tenant)
        page = await self._history.page(query, where, after=after, size=size_of(request.page_size))
        entries, next_after = await _written(page, write)
        if next_after is None:
            return entries, ""
        return entries, self._pages.token(f"{next_after.segment}.{next_after.offset}", scope)


def check_may_read(tenant: str, call: Call) -> None:
    """Only operators look at others, or at everybody.

    Raises:
        PermissionDeniedError: the caller is none.
    """
    is_own = tenant == call.tenant and tenant != EVERYBODY
    if not is_own and Permission.OPERATE not in call.principal.permissions:
        raise PermissionDeniedError(Permission.OPERATE.value)


def _scope(request: _Listing, call: Call, replica: str) -> str:
    """What a page token is bound to: the log, the caller, the method, and every argument but the page."""
    bare = deepcopy(request)
    bare.ClearField("page_size")
    bare.ClearField("page_token")
    return f"{replica}/{call.tenant}/{call.method}/{bare.SerializeToString(deterministic=True).hex()}"


def _place(name: str) -> Place:
    segment, _, offset = name.partition(".")
    try:
        return Place(int(segment), int(offset))
    except ValueError:
        raise PageTokenInvalidError from None


async def _written(page: HistoryPage, write: Callable[[Logged], _Entry]) -> tuple[list[_Entry], Place | None]:
    """As much of a page as one message should hold, and where to go on."""
    entries: list[_Entry] = []
    size = 0
    for logged in page.entries:
        entry = write(logged)
        entries.append(entry)
        size += entry.ByteSize()
        if size >= PAGE_BYTES:
            return entries, None if logged is page.entries[-1] and page.next_after is None else logged.place
        if len(entries) % _AT_ONCE == 0:
            await asyncio.sleep(0)
    return entries, page.next_after
