"""The story of policies without an engine: what is remembered, and that a refusal or a fault changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.domain.errors import AtpError, PolicyInvalidError, StoreUnavailableError
from atp_grpc.domain.policy import PolicyObjective, PolicyTerms, RoutingPolicy
from atp_grpc.routing.policy_book import PolicyBook
from atp_grpc.routing.policy_memory import read_remembered
from atp_grpc.routing.policy_rules import MOST_POLICIES
from atp_grpc.store.contract import StoreFailure
from atp_grpc.store.memory import MemoryStore
from tests.unit.routing.desk import three_models

DEFAULT = RoutingPolicy("default", 1, 1.0, 1.0)


class InForce:
    """Whoever makes policies decide, as far as the story knows: what is in force, and what was being made ready."""

    def __init__(self) -> None:
        self.policies: dict[str, RoutingPolicy] = {"default": DEFAULT}
        self.is_ready = asyncio.Event()
        self.is_ready.set()

    @asynccontextmanager
    async def preparing(self, policy: RoutingPolicy) -> AsyncIterator[Callable[[], None]]:
        await self.is_ready.wait()
        yield lambda: self.policies.update({policy.name: policy})

    async def withdraw(self, name: str) -> None:
        del self.policies[name]

    def predicted_quality(self, policy: RoutingPolicy) -> Mapping[str, float]:
        return {}


class Full(MemoryStore):
    """A store on a full disk."""

    async def write_fact(self, key: str, value: str) -> None:
        raise StoreFailure("no space left")


async def book_on(store: MemoryStore, in_force: InForce | None = None) -> PolicyBook:
    return PolicyBook(
        files=[DEFAULT],
        remembered=await read_remembered(store),
        store=store,
        snapshot=three_models,
        enforcement=in_force or InForce(),
    )


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["create", "update", "rollback", "delete", "restart"]),
        st.sampled_from(["a", "b"]),
        st.floats(0, 1),
        st.booleans(),
    ),
    max_size=25,
)


@given(changes=CHANGES)
async def test_what_is_in_force_is_what_is_remembered_and_versions_only_grow(
    changes: list[tuple[str, str, float, bool]],
) -> None:
    store, in_force, highest = MemoryStore("r"), InForce(), dict[str, int]()
    book = await book_on(store, in_force)
    for change, name, share, is_only_check in changes:
        terms, before = PolicyTerms(traffic_share=share), (book.revision, book.entries)
        try:
            if change == "create":
                await book.create(name, terms, validate_only=is_only_check)
            elif change == "update":
                await book.update(name, lambda _, new=terms: new, etag="", validate_only=is_only_check)  # type: ignore[misc]
            elif change == "rollback":
                await book.roll_back(name, etag="", validate_only=is_only_check)
            elif change == "delete":
                await book.delete(name, etag="", validate_only=is_only_check)
        except AtpError:
            assert (book.revision, book.entries) == before
        if is_only_check:
            assert (book.revision, book.entries) == before
        if change == "restart":
            book = await book_on(store, in_force)
            assert (book.revision, book.entries) == before
        assert {name: entry.policy for name, entry in book.entries.items()} == in_force.policies
        assert sum(policy.terms.traffic_share for policy in in_force.policies.values()) <= 1 + 1e-9
        for policy in in_force.policies.values():
            # Only what stands as it stood may have a version that was seen before.
            is_new = before[1].get(policy.name) != book.entries[policy.name]
            assert policy.version >= highest.get(policy.name, 0) + is_new
            highest[policy.name] = policy.version


async def test_a_rollback_keeps_the_scales_of_the_version_it_brings_back() -> None:
    book = await book_on(MemoryStore("r"))
    first = (await book.create("a", PolicyTerms(cost_scale_nano_usd=7.0))).policy
    second = (await book.update("a", lambda _: PolicyTerms(latency_scale_seconds=9.0), etag=first.etag)).policy
    assert first.cost_scale_nano_usd == 7.0 != second.cost_scale_nano_usd
    assert first.latency_scale_seconds == 2.0 != second.latency_scale_seconds == 9.0
    third = (await book.roll_back("a", etag=second.etag)).policy
    assert third == replace(first, version=3)
    assert (await book.roll_back("a", etag=third.etag)).policy == replace(second, version=4)


async def test_a_rollback_to_what_has_become_impossible_is_refused() -> None:
    book = await book_on(MemoryStore("r"))
    await book.create("a", PolicyTerms(traffic_share=1.0))
    await book.update("a", lambda _: PolicyTerms(), etag="")
    await book.create("b", PolicyTerms(traffic_share=0.5))
    with pytest.raises(PolicyInvalidError):
        await book.roll_back("a", etag="")
    assert book.find("a").policy.version == 2


async def test_a_store_that_cannot_write_leaves_everything_as_it_was() -> None:
    in_force = InForce()
    book = await book_on(Full("r"), in_force)
    with pytest.raises(StoreUnavailableError):
        await book.create("a", PolicyTerms())
    assert (list(book.entries), list(in_force.policies), book.revision) == (["default"], ["default"], 0)


async def test_changes_are_made_one_after_the_other() -> None:
    in_force = InForce()
    book = await book_on(MemoryStore("r"), in_force)
    in_force.is_ready.clear()
    calls = [asyncio.create_task(book.create(name, PolicyTerms(traffic_share=0.6))) for name in ("a", "b")]
    await asyncio.sleep(0)
    in_force.is_ready.set()
    first, second = await asyncio.gather(*calls, return_exceptions=True)
    assert not isinstance(first, BaseException)
    assert isinstance(second, PolicyInvalidError)
    assert sorted(in_force.policies) == ["a", "default"]


async def test_there_are_only_so_many_policies() -> None:
    book = await book_on(MemoryStore("r"))
    for number in range(MOST_POLICIES - 1):
        await book.create(f"p{number}", PolicyTerms())
    with pytest.raises(PolicyInvalidError) as caught:
        await book.create("more", PolicyTerms(objective=PolicyObjective(cost_ceiling_nano_usd=1)))
    assert caught.value.metadata == {"kinds": "too_many,unreachable"}


@pytest.mark.parametrize("written", ["rubbish", "[]", '{"revision": 1}', '{"revision": 1, "entries": {"a": {}}}'])
async def test_what_is_damaged_is_a_failure_of_the_store(written: str) -> None:
    store = MemoryStore("r")
    await store.write_fact("policies.api", written)
    with pytest.raises(StoreFailure):
        await read_remembered(store)
