"""Budgets to the wire and back."""

from __future__ import annotations

from typing import cast

from atp_grpc.domain.budget import ENDLESS, BudgetPeriod, Standing
from atp_grpc.pb.atp.admin.v1 import tenant_service_pb2 as pb
from atp_grpc.services.convert.decisions import moment

BUDGET_PERIODS = {
    period: cast("pb.BudgetPeriod", pb.BudgetPeriod.Value(f"BUDGET_PERIOD_{period.name}")) for period in BudgetPeriod
}
_PERIODS = {number: period for period, number in BUDGET_PERIODS.items()}


def budget_period(number: pb.BudgetPeriod) -> BudgetPeriod:
    """A period as the domain names it; the contract's rules let no other number through."""
    return _PERIODS[number]


def budget(standing: Standing) -> pb.Budget:
    """A budget, and how it stands."""
    given, account = standing.budget, standing.account
    return pb.Budget(
        tenant=given.tenant,
        limit_nano_usd=given.limit_nano_usd,
        period=BUDGET_PERIODS[given.period],
        since=moment(given.since_nanos),
        etag=given.etag,
        period_start=moment(account.start_nanos),
        period_end=None if account.end_nanos == ENDLESS else moment(account.end_nanos),
        spent_nano_usd=standing.spent_nano_usd,
        held_nano_usd=standing.held_nano_usd,
        left_nano_usd=standing.left_nano_usd,
    )
