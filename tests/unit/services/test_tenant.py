"""TenantService: budgets given, changed, read, listed and taken away, as they travel on the wire."""

from __future__ import annotations

from pathlib import Path

import pytest

from atp_grpc.domain.call import Call
from atp_grpc.domain.clock import ManualClock
from atp_grpc.domain.errors import (
    EtagMismatchError,
    InvalidFieldError,
    PageTokenInvalidError,
    RequestIdReusedError,
    ResourceNotFoundError,
)
from atp_grpc.domain.tenant import Permission, Principal
from atp_grpc.pb.atp.admin.v1 import tenant_service_pb2 as pb
from atp_grpc.secrets.files import open_secrets
from atp_grpc.services.idempotency import Idempotency
from atp_grpc.services.pages import Pages
from atp_grpc.services.tenant import TenantServicer
from atp_grpc.services.validation import Validation
from atp_grpc.shared.local import LocalClaims
from atp_grpc.tenancy.budgets.desk import BudgetDesk
from tests.unit.tenancy.budgets.examples import NOW, Desk

DAY, MONTH, TOTAL = pb.BUDGET_PERIOD_DAY, pb.BUDGET_PERIOD_MONTH, pb.BUDGET_PERIOD_TOTAL


class Office:
    """The servicer over one replica's budgets in memory."""

    def __init__(self, folder: Path) -> None:
        self.counter, self.clock = Desk.in_memory(), ManualClock(NOW)
        self.servicer = TenantServicer(
            desk=BudgetDesk(budgets=self.counter.budgets, ledger=self.counter.ledger, clock=self.clock),
            pages=Pages(open_secrets(folder)),
            idempotency=Idempotency(
                LocalClaims(self.clock, ids_per_tenant=100, bytes_per_tenant=100_000), ttl_seconds=600.0
            ),
        )

    def call(self, method: str, tenant: str = "operators") -> Call:
        principal = Principal(tenant, "k", frozenset({Permission.OPERATE}))
        return Call(f"atp.admin.v1.TenantService/{method}", principal, 10.0, "trace")

    async def set(
        self, tenant: str = "acme", limit: int = 500, period: pb.BudgetPeriod = DAY, **more: str
    ) -> pb.Budget:
        request = pb.SetBudgetRequest(tenant=tenant, limit_nano_usd=limit, period=period, **more)  # type: ignore[arg-type]
        return (await self.servicer.set_budget(request, self.call("SetBudget"))).budget

    async def get(self, tenant: str = "acme") -> pb.Budget:
        return (await self.servicer.get_budget(pb.GetBudgetRequest(tenant=tenant), self.call("GetBudget"))).budget

    async def delete(self, tenant: str = "acme", **more: str) -> None:
        request = pb.DeleteBudgetRequest(tenant=tenant, **more)  # type: ignore[arg-type]
        await self.servicer.delete_budget(request, self.call("DeleteBudget"))


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


async def test_a_budget_that_was_set_is_told_with_what_is_left_of_it(office: Office) -> None:
    await office.set(limit=10_000)
    await office.counter.spend(1_000)
    await office.counter.bill("d1", hold=1_000, bill=400)

    told = await office.get()

    assert (told.tenant, told.limit_nano_usd, told.period) == ("acme", 10_000, DAY)
    assert told.spent_nano_usd == 400
    assert told.left_nano_usd == 10_000 - 400 - told.held_nano_usd
    assert told.since.ToNanoseconds() == NOW
    assert told.period_start.ToJsonString() == "2023-11-14T00:00:00Z"
    assert told.period_end.ToJsonString() == "2023-11-15T00:00:00Z"


async def test_a_total_ends_never(office: Office) -> None:
    told = await office.set(period=TOTAL)

    assert not told.HasField("period_end")
    assert told.period_start == told.since


async def test_nobody_has_a_budget_before_it_is_given_one(office: Office) -> None:
    with pytest.raises(ResourceNotFoundError):
        await office.get()
    with pytest.raises(ResourceNotFoundError):
        await office.delete()


async def test_a_change_needs_the_etag_of_what_stands_when_it_gives_one(office: Office) -> None:
    first = await office.set()
    second = await office.set(limit=600, etag=first.etag)

    with pytest.raises(EtagMismatchError):
        await office.set(limit=700, etag=first.etag)
    with pytest.raises(EtagMismatchError):
        await office.delete(etag=first.etag)

    assert (await office.get()).etag == second.etag
    await office.delete(etag=second.etag)


async def test_a_request_that_is_sent_again_gets_its_first_answer(office: Office) -> None:
    first = await office.set(request_id="r1", etag="")
    changed = await office.set(limit=600, etag=first.etag, request_id="r2")
    office.clock.advance(1)

    assert await office.set(limit=600, etag=first.etag, request_id="r2") == changed
    with pytest.raises(RequestIdReusedError):
        await office.set(limit=700, etag=first.etag, request_id="r2")

    await office.delete(request_id="r3")
    await office.delete(request_id="r3")


async def test_what_is_only_judged_changes_nothing(office: Office) -> None:
    request = pb.SetBudgetRequest(tenant="acme", limit_nano_usd=5, period=MONTH, validate_only=True)

    judged = (await office.servicer.set_budget(request, office.call("SetBudget"))).budget

    assert (judged.limit_nano_usd, judged.left_nano_usd) == (5, 5)
    with pytest.raises(ResourceNotFoundError):
        await office.get()


async def test_budgets_are_listed_page_by_page_and_a_token_belongs_to_its_reader(office: Office) -> None:
    for number in range(5):
        await office.set(f"tenant-{number}")
    request = pb.ListBudgetsRequest(page_size=2)
    seen = []
    while True:
        page = await office.servicer.list_budgets(request, office.call("ListBudgets"))
        seen += [budget.tenant for budget in page.budgets]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token

    assert seen == [f"tenant-{number}" for number in range(5)]
    with pytest.raises(PageTokenInvalidError):
        await office.servicer.list_budgets(request, office.call("ListBudgets", tenant="others"))


@pytest.mark.parametrize(
    ("request_message", "field"),
    [
        (pb.SetBudgetRequest(limit_nano_usd=1, period=DAY), "tenant"),
        (pb.SetBudgetRequest(tenant="a", period=DAY), "limit_nano_usd"),
        (pb.SetBudgetRequest(tenant="a", limit_nano_usd=-1, period=DAY), "limit_nano_usd"),
        (pb.SetBudgetRequest(tenant="a", limit_nano_usd=10**17 + 1, period=DAY), "limit_nano_usd"),
        (pb.SetBudgetRequest(tenant="a", limit_nano_usd=1), "period"),
        (pb.SetBudgetRequest(tenant="a", limit_nano_usd=1, period=9), "period"),  # type: ignore[arg-type]
        (pb.SetBudgetRequest(tenant="a", limit_nano_usd=1, period=DAY, request_id="not an id"), "request_id"),
        (pb.GetBudgetRequest(), "tenant"),
        (pb.ListBudgetsRequest(page_size=-1), "page_size"),
        (pb.DeleteBudgetRequest(tenant="x" * 129), "tenant"),
    ],
)
def test_a_field_that_breaks_its_rule_is_named(request_message: pb.SetBudgetRequest, field: str) -> None:
    with pytest.raises(InvalidFieldError) as refusal:
        Validation().validate(request_message)

    assert [violation.field for violation in refusal.value.violations] == [field]


def test_a_limit_of_zero_is_a_limit() -> None:
    Validation().validate(pb.SetBudgetRequest(tenant="a", limit_nano_usd=0, period=DAY))
