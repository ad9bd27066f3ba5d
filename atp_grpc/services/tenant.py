"""TenantService on the wire: operators give, change, read and take away budgets."""

from __future__ import annotations

from atp_grpc.domain.call import Call
from atp_grpc.domain.claim import ClaimKey
from atp_grpc.pb.atp.admin.v1 import tenant_service_pb2 as pb
from atp_grpc.services.convert import tenants as convert
from atp_grpc.services.idempotency import Idempotency
from atp_grpc.services.pages import Pages
from atp_grpc.tenancy.budgets.desk import BudgetDesk


class TenantServicer:
    """Serves `atp.admin.v1.TenantService`."""

    contract = pb.DESCRIPTOR.services_by_name["TenantService"]

    def __init__(self, *, desk: BudgetDesk, pages: Pages, idempotency: Idempotency) -> None:
        self._desk = desk
        self._pages = pages
        self._idempotency = idempotency

    async def set_budget(self, request: pb.SetBudgetRequest, call: Call) -> pb.SetBudgetResponse:
        """Gives a tenant a budget, or changes the one it has."""

        async def given() -> tuple[bytes, str]:
            budget = await self._desk.give(
                request.tenant,
                request.limit_nano_usd,
                convert.budget_period(request.period),
                etag=request.etag,
                validate_only=request.validate_only,
            )
            (standing,) = await self._desk.standings([budget])
            return pb.SetBudgetResponse(budget=convert.budget(standing)).SerializeToString(), request.tenant

        key = ClaimKey(call.tenant, call.method, request.request_id)
        return pb.SetBudgetResponse.FromString(await self._idempotency.once_done(request, key, work=given))

    async def get_budget(self, request: pb.GetBudgetRequest, call: Call) -> pb.GetBudgetResponse:
        """Returns a tenant's budget and what is left of it."""
        (standing,) = await self._desk.standings([self._desk.budget(request.tenant)])
        return pb.GetBudgetResponse(budget=convert.budget(standing))

    async def list_budgets(self, request: pb.ListBudgetsRequest, call: Call) -> pb.ListBudgetsResponse:
        """Lists budgets by tenant."""
        budgets, token = self._pages.cut(
            self._desk.budgets,
            scope=f"{call.tenant}/budgets",
            page_size=request.page_size,
            page_token=request.page_token,
        )
        standings = await self._desk.standings(budgets)
        return pb.ListBudgetsResponse(budgets=map(convert.budget, standings), next_page_token=token)

    async def delete_budget(self, request: pb.DeleteBudgetRequest, call: Call) -> pb.DeleteBudgetResponse:
        """Takes a tenant's budget away."""

        async def taken_away() -> tuple[bytes, str]:
            await self._desk.take_away(request.tenant, etag=request.etag, validate_only=request.validate_only)
            return pb.DeleteBudgetResponse().SerializeToString(), request.tenant

        key = ClaimKey(call.tenant, call.method, request.request_id)
        return pb.DeleteBudgetResponse.FromString(await self._idempotency.once_done(request, key, work=taken_away))
