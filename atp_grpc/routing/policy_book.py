"""The story of routing policies: which there are, and how they are made, changed, taken back and deleted.

Services enter here for every change over the API. What it refuses changes nothing; what it answers is remembered by the
store and in force. Policies of the configuration are read-only here. It never builds an engine: whoever puts a version
in force does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from types import MappingProxyType
from typing import Protocol

from atp_grpc.catalog.snapshot import Snapshot
from atp_grpc.domain.errors import (
    EtagMismatchError,
    FieldViolation,
    PolicyExistsError,
    PolicyInvalidError,
    PolicyOnTrialError,
    PolicyReadOnlyError,
    PolicyWithoutPreviousError,
    ResourceNotFoundError,
    StoreUnavailableError,
)
from atp_grpc.domain.policy import Origin, PolicyTerms, RoutingPolicy
from atp_grpc.routing.answers import RETRY_SECONDS
from atp_grpc.routing.nominal import scales_of
from atp_grpc.routing.policy_memory import Entry, Remembered, remember
from atp_grpc.routing.policy_rules import MOST_POLICIES, Flaw, FlawKind, flaws_of
from atp_grpc.store.contract import Store, StoreFailure


class Enforcement(Protocol):
    """Whoever makes policies decide."""

    def preparing(self, policy: RoutingPolicy) -> AbstractAsyncContextManager[Callable[[], None]]:
        """Makes a version ready while the one before serves; what it gives then puts it in force without a gap.

        Raises:
            StoreFailure: what it has to learn cannot be read.
        """
        ...

    async def withdraw(self, name: str) -> None:
        """Takes a policy out and drops what was learned under it."""
        ...

    def predicted_quality(self, policy: RoutingPolicy) -> Mapping[str, float]:
        """Mean quality by model, as far as anything was observed."""
        ...


class PolicyBook:
    """The policies of a process. Changes are made one after the other, each wholly or not at all."""

    def __init__(
        self,
        *,
        files: Iterable[RoutingPolicy],
        remembered: Remembered,
        store: Store,
        snapshot: Callable[[], Snapshot],
        enforcement: Enforcement,
    ) -> None:
        """`files` are those of the configuration; names of `remembered` differ from theirs."""
        self._files = {policy.name: Entry(policy) for policy in files}
        self._remembered = remembered
        self._store = store
        self._snapshot = snapshot
        self._enforcement = enforcement
        self._changing = asyncio.Lock()
        self.on_trial: dict[str, str] = {}
        """Policies that nothing but `share_out` may change, with the trial that keeps them."""

    @property
    def entries(self) -> Mapping[str, Entry]:
        """Every policy, sorted by name."""
        return MappingProxyType(dict(sorted({**self._files, **self._remembered.entries}.items())))

    @property
    def revision(self) -> int:
        """How often policies were changed over the API, those before a restart included."""
        return self._remembered.revision

    def find(self, name: str) -> Entry:
        """The policy of a name.

        Raises:
            ResourceNotFoundError: there is none.
        """
        try:
            return self.entries[name]
        except KeyError:
            raise ResourceNotFoundError("policy", name) from None

    def draft(self, name: str, terms: PolicyTerms) -> RoutingPolicy:
        """The version that these terms would make now, under a name that may be taken; nothing is changed.

        Raises:
            PolicyInvalidError: the terms cannot be used.
        """
        before = self.entries.get(name)
        policy = self._version_of(name, 1 if before is None else before.policy.version + 1, terms)
        self._check(policy)
        return policy

    async def create(self, name: str, terms: PolicyTerms, *, validate_only: bool = False) -> Entry:
        """Makes a policy. What this and the three below return is in force, unless they were only to validate.

        Raises:
            PolicyExistsError: the name is taken.
            PolicyInvalidError: the terms cannot be used, with everything that is wrong with them.
            StoreUnavailableError: it could not be remembered.
        """
        async with self._changing:
            if name in self.entries:
                raise PolicyExistsError(name)
            policy = self._version_of(name, self._remembered.deleted.get(name, 0) + 1, terms)
            self._check(policy, more=1)
            return await self._enforce(Entry(policy), validate_only=validate_only)

    async def update(
        self, name: str, revise: Callable[[PolicyTerms], PolicyTerms], *, etag: str, validate_only: bool = False
    ) -> Entry:
        """Changes a policy; an update that changes nothing makes no version.

        Args:
            name: which.
            revise: makes the new terms of those in force.
            etag: of the version that the caller means; empty: of any.
            validate_only: judge it and change nothing.

        Raises:
            ResourceNotFoundError, PolicyReadOnlyError, EtagMismatchError: it is not there, not the caller's to change,
                or not the version meant.
            PolicyInvalidError, StoreUnavailableError: as `create`; also what `revise` raises.
        """
        async with self._changing:
            entry = self._changeable(name, etag)
            terms = revise(entry.policy.terms)
            if terms == entry.policy.terms:
                return entry
            policy = self._version_of(name, entry.policy.version + 1, terms)
            self._check(policy)
            return await self._enforce(Entry(policy, previous=entry.policy), validate_only=validate_only)

    async def roll_back(self, name: str, *, etag: str, validate_only: bool = False) -> Entry:
        """Makes a new version with the content and the scales of the one before; twice comes back.

        Raises:
            PolicyWithoutPreviousError: there was no version before.
            and what `update` raises: the content before may have become impossible.
        """
        async with self._changing:
            entry = self._changeable(name, etag)
            if entry.previous is None:
                raise PolicyWithoutPreviousError(name)
            policy = replace(entry.previous, version=entry.policy.version + 1)
            self._check(policy)
            return await self._enforce(Entry(policy, previous=entry.policy), validate_only=validate_only)

    async def delete(self, name: str, *, etag: str, validate_only: bool = False) -> Entry:
        """Deletes a policy and what was learned under it; what others learned from its decisions stays.

        Raises:
            ResourceNotFoundError, PolicyReadOnlyError, EtagMismatchError, StoreUnavailableError: as `update`.
        """
        async with self._changing:
            entry = self._changeable(name, etag)
            if not validate_only:
                kept = self._remembered
                left = {other: one for other, one in kept.entries.items() if other != name}
                try:
                    await self._remember(left, {**kept.deleted, name: entry.policy.version})
                except StoreFailure:
                    raise StoreUnavailableError(RETRY_SECONDS) from None
                await self._enforcement.withdraw(name)
            return entry

    async def share_out(self, name: str, share: float, *, etag: str = "", validate_only: bool = False) -> Entry:
        """Gives a policy another share of the traffic, on trial or not; its scales stay as they are.

        Raises what `update` raises. A smaller share is never PolicyInvalidError: taking traffic away must not fail.
        """
        async with self._changing:
            entry = self._changeable(name, etag, is_trial=True)
            before = entry.policy
            if share == before.terms.traffic_share:
                return entry
            policy = replace(before, version=before.version + 1, terms=replace(before.terms, traffic_share=share))
            if share > before.terms.traffic_share:
                self._check(policy)
            # What a rollback goes back to is what somebody wrote before, and not another share of the same.
            return await self._enforce(Entry(policy, previous=entry.previous), validate_only=validate_only)

    def _version_of(self, name: str, version: int, terms: PolicyTerms) -> RoutingPolicy:
        cost, latency = scales_of(terms, self._snapshot())
        return RoutingPolicy(name, version, cost, latency, terms, Origin.API)

    def _changeable(self, name: str, etag: str, *, is_trial: bool = False) -> Entry:
        entry = self.find(name)
        if entry.policy.origin is Origin.FILE:
            raise PolicyReadOnlyError(name)
        if name in self.on_trial and not is_trial:
            raise PolicyOnTrialError(name, self.on_trial[name])
        if etag and etag != entry.policy.etag:
            raise EtagMismatchError(name)
        return entry

    def _check(self, policy: RoutingPolicy, *, more: int = 0) -> None:
        others = [entry.policy for name, entry in self.entries.items() if name != policy.name]
        flaws = flaws_of(
            policy.terms,
            snapshot=self._snapshot(),
            predicted_quality=self._enforcement.predicted_quality(policy),
            other_shares=sum(other.terms.traffic_share for other in others),
        )
        if len(self.entries) + more > MOST_POLICIES:
            flaws.append(Flaw(FlawKind.TOO_MANY, "name", f"there may be {MOST_POLICIES} policies at most"))
        if flaws:
            violations = [FieldViolation(f"policy.{flaw.field}", flaw.sentence) for flaw in flaws]
            raise PolicyInvalidError(violations, kinds=sorted({flaw.kind.value for flaw in flaws}))

    async def _enforce(self, entry: Entry, *, validate_only: bool) -> Entry:
        if validate_only:
            return entry
        kept = self._remembered
        deleted = {name: version for name, version in kept.deleted.items() if name != entry.policy.name}
        try:
            async with self._enforcement.preparing(entry.policy) as put_in_force:
                await self._remember({**kept.entries, entry.policy.name: entry}, deleted)
                put_in_force()
        except StoreFailure:
            raise StoreUnavailableError(RETRY_SECONDS) from None
        return entry

    async def _remember(self, entries: Mapping[str, Entry], deleted: Mapping[str, int]) -> None:
        remembered = Remembered(self._remembered.revision + 1, entries, deleted)
        await remember(self._store, remembered)
        self._remembered = remembered
