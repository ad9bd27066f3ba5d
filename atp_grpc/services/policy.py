"""PolicyService on the wire: reads the policies in force, and makes, changes, deletes and takes them back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from atp_grpc.domain.call import Call
from atp_grpc.pb.atp.admin.v1 import policy_service_pb2 as pb
from atp_grpc.routing.policy_book import PolicyBook
from atp_grpc.routing.policy_memory import Entry
from atp_grpc.services.changing import Changes
from atp_grpc.services.convert import policies as convert
from atp_grpc.services.idempotency import Idempotency
from atp_grpc.services.pages import Pages

_Request = pb.CreatePolicyRequest | pb.UpdatePolicyRequest | pb.DeletePolicyRequest | pb.RollbackPolicyRequest
_Response = TypeVar(
    "_Response", pb.CreatePolicyResponse, pb.UpdatePolicyResponse, pb.DeletePolicyResponse, pb.RollbackPolicyResponse
)


class PolicyServicer:
    """Serves `atp.admin.v1.PolicyService`."""

    contract = pb.DESCRIPTOR.services_by_name["PolicyService"]

    def __init__(self, *, book: PolicyBook, pages: Pages, idempotency: Idempotency) -> None:
        self._book = book
        self._pages = pages
        self._changes = Changes(idempotency)

    async def get_policy(self, request: pb.GetPolicyRequest, call: Call) -> pb.GetPolicyResponse:
        """Returns one policy."""
        entry = self._book.find(request.name)
        return pb.GetPolicyResponse(policy=convert.policy(entry), revision=self._book.revision)

    async def list_policies(self, request: pb.ListPoliciesRequest, call: Call) -> pb.ListPoliciesResponse:
        """Lists policies by name."""
        entries, token = self._pages.cut(
            self._book.entries,
            scope=f"{call.tenant}/policies",
            page_size=request.page_size,
            page_token=request.page_token,
        )
        policies = [convert.policy(entry) for entry in entries]
        return pb.ListPoliciesResponse(policies=policies, next_page_token=token, revision=self._book.revision)

    async def create_policy(self, request: pb.CreatePolicyRequest, call: Call) -> pb.CreatePolicyResponse:
        """Makes a policy."""
        terms, name = convert.terms_of(request.policy), request.policy.name
        return await self._change(
            request,
            call,
            pb.CreatePolicyResponse,
            lambda: self._book.create(name, terms, validate_only=request.validate_only),
        )

    async def update_policy(self, request: pb.UpdatePolicyRequest, call: Call) -> pb.UpdatePolicyResponse:
        """Changes a policy."""
        given = request.policy
        revise = convert.reviser(given, request.update_mask.paths)
        return await self._change(
            request,
            call,
            pb.UpdatePolicyResponse,
            lambda: self._book.update(given.name, revise, etag=given.etag, validate_only=request.validate_only),
        )

    async def delete_policy(self, request: pb.DeletePolicyRequest, call: Call) -> pb.DeletePolicyResponse:
        """Deletes a policy."""
        return await self._change(
            request,
            call,
            pb.DeletePolicyResponse,
            lambda: self._book.delete(request.name, etag=request.etag, validate_only=request.validate_only),
        )

    async def rollback_policy(self, request: pb.RollbackPolicyRequest, call: Call) -> pb.RollbackPolicyResponse:
        """Takes a policy back."""
        return await self._change(
            request,
            call,
            pb.RollbackPolicyResponse,
            lambda: self._book.roll_back(request.name, etag=request.etag, validate_only=request.validate_only),
        )

    async def _change(
        self, request: _Request, call: Call, response: type[_Response], story: Callable[[], Awaitable[Entry]]
    ) -> _Response:
        async def changed() -> tuple[_Response, str]:
            entry = await story()
            return response(policy=convert.policy(entry), revision=self._book.revision), entry.policy.name

        return await self._changes.make(request, call, response, changed)
