"""The SQL of money: budgets, and what each replica may have spent of them.

`store` calls these on its threads; those that write belong inside a transaction, which is what makes a lease atomic
over all replicas. They know tables, never threads, files or the event loop.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

from atp_grpc.domain.budget import Account, Budget, BudgetPeriod, Grant, Share
from atp_grpc.store.sqlite.escaping import escaped, unescaped

_SAVE_SHARE = """
INSERT INTO budget_shares VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (tenant, since_nanos, start_nanos, end_nanos, replica) DO UPDATE SET
    exposed_nano_usd = excluded.exposed_nano_usd, held_nano_usd = excluded.held_nano_usd, sequence = excluded.sequence
"""
_SUMS = """
SELECT count(*), coalesce(sum(exposed_nano_usd), 0), coalesce(sum(held_nano_usd), 0) FROM budget_shares
WHERE tenant = ? AND since_nanos = ? AND start_nanos = ? AND end_nanos = ?
"""
_SHARES = """
SELECT tenant, since_nanos, start_nanos, end_nanos, exposed_nano_usd, held_nano_usd, sequence FROM budget_shares
WHERE replica = ?
"""


def budgets(connection: sqlite3.Connection) -> list[Budget]:
    """Every budget, by tenant."""
    rows = connection.execute("SELECT tenant, limit_nano_usd, period, since_nanos FROM budgets").fetchall()
    return sorted(
        Budget(unescaped(tenant), limit, BudgetPeriod(period), since) for tenant, limit, period, since in rows
    )


def replace_budget(connection: sqlite3.Connection, tenant: str, before: Budget | None, after: Budget | None) -> bool:
    """Puts one budget in place of another, and lets the shares go that belong to neither."""
    if _budget(connection, tenant) != before:
        return False
    if after is None:
        connection.execute("DELETE FROM budgets WHERE tenant = ?", (escaped(tenant),))
    else:
        connection.execute(
            "INSERT OR REPLACE INTO budgets VALUES (?, ?, ?, ?)",
            (escaped(tenant), after.limit_nano_usd, after.period.value, after.since_nanos),
        )
    connection.execute(
        "DELETE FROM budget_shares WHERE tenant = ? AND since_nanos IS NOT ?",
        (escaped(tenant), None if after is None else after.since_nanos),
    )
    return True


def lease(connection: sqlite3.Connection, account: Account, replica: str, share: Share, wanted: int) -> Grant:
    """States a replica's share and adds to it what the limit has room for."""
    budget = _standing_budget(connection, account)
    if budget is None:
        return Grant(0, 0)
    _save_share(connection, account, replica, share)
    _, all_exposed, _ = _sums(connection, account)
    left = max(0, budget.limit_nano_usd - all_exposed)
    granted = min(wanted, left)
    exposed, held, sequence = share
    _save_share(connection, account, replica, Share(exposed + granted, held + granted, sequence))
    return Grant(granted, left - granted)


def report_shares(
    connection: sqlite3.Connection, replica: str, shares: Mapping[Account, Share], settled_through: int
) -> None:
    """Keeps a replica's shares of budgets that stand, and how far it has settled."""
    for account, share in shares.items():
        if _standing_budget(connection, account) is not None:
            _save_share(connection, account, replica, share)
    connection.execute("INSERT OR REPLACE INTO budget_marks VALUES (?, ?)", (escaped(replica), settled_through))


def shares_of(connection: sqlite3.Connection, replica: str) -> tuple[dict[Account, Share], int]:
    """A replica's shares, and how far it has settled."""
    shares = {
        Account(unescaped(tenant), since, start, end): Share(exposed, held, sequence)
        for tenant, since, start, end, exposed, held, sequence in connection.execute(_SHARES, (escaped(replica),))
    }
    mark = connection.execute(
        "SELECT settled_through FROM budget_marks WHERE replica = ?", (escaped(replica),)
    ).fetchone()
    return shares, 0 if mark is None else mark[0]


def exposures(connection: sqlite3.Connection, accounts: Sequence[Account]) -> dict[Account, Share]:
    """The sums over all replicas of the accounts that somebody has a share of."""
    found: dict[Account, Share] = {}
    for account in accounts:
        replicas, exposed, held = _sums(connection, account)
        if replicas:
            found[account] = Share(exposed, held, 0)
    return found


def forget_shares(connection: sqlite3.Connection, ended_before_nanos: int) -> None:
    """Deletes the shares of periods that ended before a moment."""
    connection.execute("DELETE FROM budget_shares WHERE end_nanos < ?", (ended_before_nanos,))


def _budget(connection: sqlite3.Connection, tenant: str) -> Budget | None:
    row = connection.execute(
        "SELECT limit_nano_usd, period, since_nanos FROM budgets WHERE tenant = ?", (escaped(tenant),)
    ).fetchone()
    return None if row is None else Budget(tenant, row[0], BudgetPeriod(row[1]), row[2])


def _standing_budget(connection: sqlite3.Connection, account: Account) -> Budget | None:
    """The tenant's budget, if it is the account's."""
    budget = _budget(connection, account.tenant)
    return budget if budget is not None and budget.since_nanos == account.since_nanos else None


def _save_share(connection: sqlite3.Connection, account: Account, replica: str, share: Share) -> None:
    connection.execute(_SAVE_SHARE, (escaped(account.tenant), *account[1:], escaped(replica), *share))


def _sums(connection: sqlite3.Connection, account: Account) -> tuple[int, int, int]:
    """How many replicas have a share, and what they have exposed and held together."""
    sums: tuple[int, int, int] = connection.execute(_SUMS, (escaped(account.tenant), *account[1:])).fetchone()
    return sums
