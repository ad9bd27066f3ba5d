"""A random life of claims for two tenants, beside a plain model: never a second execution, never a foreign answer."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import dataclass
from typing import Any, cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from atp_grpc.domain.clock import ManualClock
from atp_grpc.domain.errors import AtpError, RequestIdForgottenError, RequestIdReusedError, RequestIdsExhaustedError
from atp_grpc.shared.contract import Claim, Claims, Replay
from atp_grpc.shared.local import IN_FLIGHT_RETRY_SECONDS, LocalClaims
from atp_grpc.store.memory_claims import MemoryClaims
from atp_grpc.store.sqlite.claim_keeper import SqliteClaims
from atp_grpc.store.sqlite.group_commit import GroupCommit, Work
from atp_grpc.store.sqlite.schema import migrations
from tests.conformance.claims.calls import durable, key

IDS = 3
ROOM = 10
Id = tuple[str, str]

tenants = st.sampled_from(["acme", "umbra"])
identifiers = st.sampled_from([f"id-{number}" for number in range(5)])
digests = st.sampled_from([b"body", b"body", b"body", b"another"])


class AtOnce:
    """Does works where it stands, without a thread or a disk."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    async def do(self, work: Work) -> Any:
        return work(self.connection)

    def later(self, work: Work) -> None:
        work(self.connection)


@dataclass
class Served:
    digest: bytes
    response: bytes | None
    tombstone: str
    expires: float
    used: int


class ClaimsMachine(RuleBasedStateMachine):
    claims: Claims

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.clock = ManualClock()
        self.held: dict[Id, tuple[Claim, bytes, float]] = {}
        self.served: dict[Id, Served] = {}
        self.uses = 0

    def teardown(self) -> None:
        self.loop.close()

    def forget_expired(self) -> None:
        now = self.clock.monotonic()
        self.served = {name: known for name, known in self.served.items() if known.expires > now}

    def expected(self, name: Id, digest: bytes) -> AtpError | bytes | None:
        """The refusal or replay that a claim must meet, or None when it must be granted."""
        if name in self.served:
            known = self.served[name]
            if known.digest != digest:
                return RequestIdReusedError(name[1])
            if known.response is None:
                return RequestIdForgottenError(name[1], known.tombstone)
            return known.response
        if name in self.held:
            return RequestIdReusedError(name[1])
        mine = [known.expires for (tenant, _), known in self.served.items() if tenant == name[0]]
        if len(mine) + sum(tenant == name[0] for tenant, _ in self.held) >= IDS:
            wait = min(mine) - self.clock.monotonic() if mine else IN_FLIGHT_RETRY_SECONDS
            return RequestIdsExhaustedError(wait)
        return None

    @rule(tenant=tenants, request_id=identifiers, digest=digests, ttl=st.sampled_from([1.0, 5.0, 0.0]))
    def claim(self, tenant: str, request_id: str, digest: bytes, ttl: float) -> None:
        self.forget_expired()
        name = (tenant, request_id)
        if name in self.held and self.held[name][1] == digest:
            return  # It would wait; waiting has its own tests.
        expected = self.expected(name, digest)

        claiming = self.claims.claim(key(request_id, tenant=tenant), digest, ttl_seconds=ttl)
        if isinstance(expected, AtpError):
            with pytest.raises(type(expected)) as refused:
                self.loop.run(claiming)
            assert refused.value.metadata == expected.metadata
            assert refused.value.retry_after_seconds == expected.retry_after_seconds
            return
        answer = self.loop.run(claiming)
        if isinstance(answer, Replay):
            assert answer.response == expected
            self.uses += 1
            self.served[name].used = self.uses
        else:
            assert expected is None
            self.held[name] = (answer, digest, ttl)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), response=st.binary(max_size=ROOM + 2), tombstone=st.text(max_size=2))
    def succeed(self, data: st.DataObject, response: bytes, tombstone: str) -> None:
        name = data.draw(st.sampled_from(sorted(self.held)))
        claim, digest, ttl = self.held.pop(name)
        self.loop.run(claim.succeed(response, tombstone=tombstone))
        self.forget_expired()
        self.uses += 1
        self.served[name] = Served(digest, response, tombstone, self.clock.monotonic() + ttl, self.uses)
        self.evict(name[0])

    def evict(self, tenant: str) -> None:
        """Keeps the most recently used answers that fit together; one that was let go never comes back."""
        kept = [known for (whose, _), known in self.served.items() if whose == tenant and known.response is not None]
        room = ROOM
        for known in sorted(kept, key=lambda known: -known.used):
            room -= len(known.response or b"")
            if room < 0:
                known.response = None

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def abandon(self, data: st.DataObject) -> None:
        claim, _, _ = self.held.pop(data.draw(st.sampled_from(sorted(self.held))))
        claim.abandon()

    @rule(seconds=st.sampled_from([0.5, 1.0, 4.0]))
    def let_time_pass(self, seconds: float) -> None:
        self.clock.advance(seconds)


class LocalMachine(ClaimsMachine):
    def __init__(self) -> None:
        super().__init__()
        self.local = self.claims = LocalClaims(self.clock, ids_per_tenant=IDS, bytes_per_tenant=ROOM)

    @invariant()
    def memory_stays_within_its_limits(self) -> None:
        for tenant in self.local._tenants.values():
            assert len(tenant.entries) <= IDS
            assert tenant.body_bytes == sum(len(entry.response or b"") for entry in tenant.bodies.values()) <= ROOM
            assert all(entry.response is not None for entry in tenant.bodies.values())
            # An id renewed before it was swept leaves one stale moment behind, never a heap of them.
            assert len(tenant.expiries) <= 2 * IDS


class MemoryMachine(ClaimsMachine):
    def __init__(self) -> None:
        super().__init__()
        self.claims = durable(self.clock, MemoryClaims(), ids_per_tenant=IDS, bytes_per_tenant=ROOM)


class SqlMachine(ClaimsMachine):
    def __init__(self) -> None:
        super().__init__()
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.connection.executescript("".join(migrations()))
        keeper = SqliteClaims(cast("GroupCommit", AtOnce(self.connection)))
        self.claims = durable(self.clock, keeper, ids_per_tenant=IDS, bytes_per_tenant=ROOM)

    def teardown(self) -> None:
        super().teardown()
        self.connection.close()

    @invariant()
    def totals_are_what_the_rows_add_up_to(self) -> None:
        rows = self.connection.execute(
            "SELECT tenant, count(*), coalesce(sum(length(response)), 0) FROM claims GROUP BY tenant"
        ).fetchall()
        totals = self.connection.execute("SELECT * FROM claim_totals WHERE ids <> 0").fetchall()
        assert sorted(rows) == sorted(totals)
        assert all(ids <= IDS and size <= ROOM for _, ids, size in totals)


for machine in (LocalMachine, MemoryMachine, SqlMachine):
    machine.TestCase.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
TestLocalClaims = LocalMachine.TestCase
TestMemoryClaims = MemoryMachine.TestCase
TestSqlClaims = SqlMachine.TestCase
