"""Answers that serve again: exactly the same request of the same tenant only, for a while, within a bound of bytes."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.asking.cache import AnswerCache, Eviction, Kept, key_of
from atp_grpc.domain.ask import AskRequest, CacheOutcome, CacheUse, Decided, Delta, Final, FinishReason, OnCut, Spent
from atp_grpc.domain.clock import ManualClock
from atp_grpc.domain.conversation import ImagePart, Prompt, Role, Sampling, TextPart, Tool, Turn
from atp_grpc.domain.decision import Target
from atp_grpc.domain.errors import AnswerCutError, ProvidersUnavailableError, RevisionNotReachedError
from atp_grpc.domain.flags import Flag
from atp_grpc.domain.request import Constraints, NamedObjective, RouteRequest
from atp_grpc.providers.contract import FaultKind
from tests.unit.asking.scripted import Step, answer, fault, finished, texts, tool_answer, used
from tests.unit.asking.stage import DEPLOYMENTS, Stage, catalogue
from tests.unit.asking.told import asking
from tests.unit.asking.virtual_time import play
from tests.unit.routing.desk import POLICY


def routed_as(request: AskRequest, **changes: Any) -> RouteRequest:
    """How a request is routed, with changes."""
    assert isinstance(request.routing, RouteRequest)
    return dataclasses.replace(request.routing, **changes)


def cached(text: str = "What is one and two and three? ", **changes: Any) -> AskRequest:
    return asking(text, cache=CacheUse.READ_AND_WRITE, **changes)


def kept(text: str = "x") -> Kept:
    return Kept((Delta(text),), Target("m", "d", "p"), FinishReason.STOP, "", None)


def cache(eviction: Eviction = Eviction.LRU, *, most_bytes: int = 10_000) -> tuple[AnswerCache, ManualClock]:
    clock = ManualClock()
    made = AnswerCache(most_bytes=most_bytes, seconds=10.0, eviction=eviction, monotonic=clock.monotonic)
    return made, clock


@pytest.mark.parametrize("is_streamed", [True, False])
def test_the_second_time_the_answer_comes_from_the_cache_and_costs_nothing(is_streamed: bool) -> None:
    async def story() -> None:
        stage = Stage()
        await stage.give(10**9)
        request = cached(is_streamed=is_streamed)
        first = await stage.tell(request)
        assert first.final.cache is CacheOutcome.MISS
        second = await stage.tell(request)
        assert [type(event) for event in second.events] == [Delta, Final]
        assert second.text == first.text
        final = second.final
        assert (final.cache, final.cost_nano_usd, final.attempts) == (CacheOutcome.HIT, 0, ())
        assert (final.target, final.revision) == (first.final.target, "rev-1")
        assert len(stage.provider.calls) == 1
        assert len(stage.observations) == 1
        assert stage.spent() == first.final.cost_nano_usd
        assert (stage.cache.hits, stage.cache.misses) == (1, 1)
        await stage.close()

    play(story())


def test_another_tenant_never_gets_an_answer_that_is_not_its_own() -> None:
    async def story() -> None:
        stage = Stage()
        await stage.tell(cached())
        other = await stage.tell(cached(), tenant="globex")
        assert other.final.cache is CacheOutcome.MISS
        assert len(stage.provider.calls) == 2
        await stage.close()

    play(story())


def test_a_new_revision_of_the_catalogue_or_the_policy_finds_nothing() -> None:
    async def story() -> None:
        stage = Stage()
        await stage.tell(cached())
        stage.catalogue.view = catalogue(revision=4)
        assert (await stage.tell(cached())).final.cache is CacheOutcome.MISS
        stage.router = stage._router(dataclasses.replace(stage.policy, version=5))
        assert (await stage.tell(cached())).final.cache is CacheOutcome.MISS
        await stage.close()

    play(story())


def test_only_good_answers_are_kept() -> None:
    async def story() -> None:
        stage = Stage()
        for reason in (FinishReason.LENGTH, FinishReason.CONTENT_FILTER):
            for name in ("good@one", "good@two"):
                stage.provider.script(name, [*texts("bad"), used(), finished(reason)])
        for _ in range(2):
            await stage.tell(cached())
        for name in ("good@one", "good@two"):
            stage.provider.script(name, *[[*texts("half "), fault(FaultKind.CUT)]] * 2)
        await stage.tell(cached())
        assert stage.cache.bytes_used == 0
        await stage.close()

    play(story())


def test_tool_calls_come_whole_from_the_cache() -> None:
    async def story() -> None:
        stage = Stage()
        for name in ("good@one", "good@two"):
            stage.provider.script(name, tool_answer())
        await stage.tell(cached())
        again = await stage.tell(cached())
        assert again.of(Delta) == [Delta("", 0, "call-1", "add", '{"a":1}', 0)]
        await stage.close()

    play(story())


def test_if_unavailable_serves_only_when_every_attempt_failed_and_says_what_they_cost() -> None:
    async def story() -> None:
        stage = Stage()
        request = asking(cache=CacheUse.IF_UNAVAILABLE)
        first = await stage.tell(request)
        assert first.final.cache is CacheOutcome.UNUSED
        assert (await stage.tell(request)).final.cost_nano_usd == 39_000
        failing: list[Step] = [used(), fault(FaultKind.UNAVAILABLE)]
        for name in DEPLOYMENTS:
            stage.provider.script(name, *[failing] * 9)
        stale = await stage.tell(request)
        assert stale.text == "one two three"
        final = stale.final
        assert (final.cache, len(final.attempts)) == (CacheOutcome.STALE, 3)
        assert final.cost_nano_usd == sum(billed.attempt.cost_nano_usd or 0 for billed in final.attempts) > 0
        assert isinstance(stale.events[0], Decided)
        assert stale.of(Spent)[-1].total_cost_nano_usd == final.cost_nano_usd
        assert len(stage.observations) == 3
        never = await stage.tell(asking("Never asked before", cache=CacheUse.IF_UNAVAILABLE))
        assert isinstance(never.error, ProvidersUnavailableError)
        await stage.close()

    play(story())


def test_a_cache_that_is_off_is_neither_read_nor_written() -> None:
    async def story() -> None:
        stage = Stage()
        await stage.tell(asking())
        assert stage.cache.bytes_used == 0
        stage.off.add(Flag.ASK_CACHE)
        await stage.tell(cached())
        assert stage.cache.bytes_used == 0
        await stage.close()

    play(story())


def test_a_demanded_revision_is_never_hidden_by_the_cache() -> None:
    async def story() -> None:
        stage = Stage()
        request = cached()
        await stage.tell(request)
        ahead = dataclasses.replace(request, routing=routed_as(request, min_revision=9))
        assert isinstance((await stage.tell(ahead)).error, RevisionNotReachedError)
        await stage.close()

    play(story())


BASE = asking()
CHANGES: dict[str, AskRequest] = {
    "turn": asking("What is one and two and four? "),
    "role": dataclasses.replace(BASE, prompt=Prompt((Turn(Role.SYSTEM, BASE.prompt.turns[0].parts),))),
    "part": dataclasses.replace(
        BASE,
        prompt=Prompt((Turn(Role.USER, (ImagePart(BASE.prompt.turns[0].parts[0][0]),)),)),
    ),
    "split": dataclasses.replace(
        BASE, prompt=Prompt((Turn(Role.USER, (TextPart("What is one"), TextPart(" and two and three? "))),))
    ),
    "cap": asking(max_output_tokens=9),
    "tools": asking(tools=(Tool("add"),)),
    "sampling": asking(sampling=Sampling(temperature=0.1)),
    "denied": asking(constraints=Constraints(denied_models=frozenset({"a"}))),
    "allowed": asking(constraints=Constraints(allowed_models=frozenset({"a"}))),
    "scope": asking(constraints=Constraints(data_scope="eu")),
    "region": asking(constraints=Constraints(region="eu")),
    "objective": dataclasses.replace(BASE, routing=routed_as(BASE, objective=NamedObjective.LOWEST_COST)),
}


def test_everything_that_an_answer_depends_on_is_in_its_key() -> None:
    keys = {key_of(request, "acme", POLICY, 3) for request in (BASE, *CHANGES.values())}
    keys |= {
        key_of(BASE, "globex", POLICY, 3),
        key_of(BASE, "acme", POLICY, 4),
        key_of(BASE, "acme", dataclasses.replace(POLICY, version=5), 3),
        key_of(BASE, "acme", dataclasses.replace(POLICY, name="other"), 3),
    }
    assert len(keys) == len(CHANGES) + 5


def test_names_and_labels_of_a_request_are_not_in_its_key() -> None:
    routing = RouteRequest(text=BASE.routing.text, labels={"a": "b"}, task_type="t", session_id="s", request_id="r")
    other = dataclasses.replace(BASE, routing=routing, request_id="r", is_streamed=False, cache=CacheUse.IF_UNAVAILABLE)
    assert key_of(other, "acme", POLICY, 3) == key_of(BASE, "acme", POLICY, 3)


@given(names=st.sets(st.text(max_size=3), max_size=5), data=st.data())
def test_the_key_of_a_set_does_not_depend_on_its_order(names: set[str], data: st.DataObject) -> None:
    order = data.draw(st.permutations(sorted(names)))
    one, other = (
        asking(constraints=Constraints(required_capabilities=frozenset(told))) for told in (sorted(names), order)
    )
    assert key_of(one, "acme", POLICY, 3) == key_of(other, "acme", POLICY, 3)


def test_an_answer_lives_longer_each_time_it_serves_but_not_for_ever() -> None:
    answers, clock = cache()
    answers.write(b"k", kept())
    clock.advance(9.0)
    assert answers.read(b"k") == kept()
    clock.advance(9.0)
    assert answers.read(b"k") == kept()
    for _ in range(6):
        clock.advance(9.0)
        assert answers.read(b"k") == kept()
    clock.advance(9.0)
    # Eighty seconds after it was given.
    assert answers.read(b"k") is None
    assert answers.bytes_used == 0
    answers.write(b"once", kept())
    clock.advance(10.0)
    assert answers.read(b"once") is None


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c", "d", "e"]), st.integers(0, 6_000)), max_size=30))
def test_the_cache_never_holds_more_than_its_bytes(writes: list[tuple[str, int]]) -> None:
    for eviction in Eviction:
        answers, _ = cache(eviction)
        for key, size in writes:
            answers.write(key.encode(), kept("x" * size))
            assert answers.bytes_used <= 10_000
            found = answers.read(key.encode())
            assert found is None or found == kept("x" * size) or kept("x" * size).size > 10_000


def test_lru_drops_what_was_not_asked_for_the_longest_and_lfu_what_was_asked_for_least() -> None:
    for eviction, stays in ((Eviction.LRU, b"b"), (Eviction.LFU, b"a")):
        answers, _ = cache(eviction)
        for key in (b"a", b"b"):
            answers.write(key, kept("x" * 3_000))
        for key in (b"a", b"a", b"a", b"b"):
            answers.read(key)
        answers.write(b"c", kept("x" * 3_000))
        assert answers.evictions == 1
        assert answers.read(stays) is not None


def test_a_good_answer_is_kept_for_a_unary_caller_as_for_a_stream() -> None:
    async def story() -> None:
        stage = Stage()
        for name in ("good@one", "good@two"):
            stage.provider.script(name, answer("a", "b"))
        await stage.tell(cached())
        whole = await stage.tell(cached(is_streamed=False))
        assert whole.text == "ab"
        assert whole.final.cache is CacheOutcome.HIT
        await stage.close()

    play(story())


@pytest.mark.parametrize("on_cut", [OnCut.UNSAID, OnCut.FAIL])
def test_answers_that_all_broke_off_unseen_count_as_failed_attempts(on_cut: OnCut) -> None:
    async def story() -> None:
        stage = Stage()
        request = asking(cache=CacheUse.IF_UNAVAILABLE, is_streamed=False, on_cut=on_cut)
        await stage.tell(request)
        for name in DEPLOYMENTS:
            stage.provider.script(name, *[[*texts("half "), fault(FaultKind.CUT)]] * 9)
        stale = await stage.tell(request)
        assert stale.text == "one two three"
        assert stale.final.cache is CacheOutcome.STALE
        assert stale.final.cost_nano_usd == stale.of(Spent)[-1].total_cost_nano_usd > 0
        shown = await stage.tell(dataclasses.replace(request, is_streamed=True))
        assert isinstance(shown.error, AnswerCutError)
        await stage.close()

    play(story())
