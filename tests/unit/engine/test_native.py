"""The native engine's Python face: what it says when it cannot be used, and how it behaves between threads."""

from __future__ import annotations

import sys
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from atp_grpc.engine import native
from atp_grpc.engine.contract import Arm, EnginePanicError, EngineParameters, InvalidQueryError, Offer, Outcome, Query
from atp_grpc.engine.native import NativeEngine
from tests.native_engine import need_native

if TYPE_CHECKING:
    from collections.abc import Iterator

PARAMETERS = EngineParameters("unit", "flags.v1", 15, 1e6, 1.0)
QUERY = Query(1, (0, 1), 7, 0, 100.0, 0.1, text="How many bees fit into a phone booth?")


@pytest.fixture
def engine() -> NativeEngine:
    need_native()
    engine = NativeEngine(PARAMETERS)
    engine.load([Arm("small"), Arm("large")], [Offer(0, 10**8, 10**8), Offer(1, 10**9, 10**9)], 1)
    return engine


@pytest.fixture
def no_switching() -> Iterator[None]:
    """Threads change only where the running one lets go by itself."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(100.0)
    yield
    sys.setswitchinterval(interval)


def outcome(sequence: int) -> Outcome:
    return Outcome("small", "r1", sequence, 0, 0, bytes(60), quality=0.5)


def test_without_the_distribution_the_engine_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "atp_native", None)

    assert not native.is_available()
    with pytest.raises(ImportError, match=r"not installed; install it with: pip install 'atp-grpc\[native\]'"):
        NativeEngine(PARAMETERS)


def test_an_engine_of_another_version_is_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "atp_native", SimpleNamespace(CROSSING=99, __version__="9.0"))

    assert not native.is_available()
    needed = rf"atp-native 9\.0 crosses by version 99, .* needs version {native.CROSSING_VERSION}; .* --upgrade"
    with pytest.raises(ImportError, match=needed):
        NativeEngine(PARAMETERS)


@pytest.mark.native
def test_a_panic_is_an_ordinary_error_and_leaves_lock_and_state_sound(engine: NativeEngine) -> None:
    engine.learn(outcome(0))
    before, choice = engine.checkpoint(), engine.choose(QUERY)

    engine.inject_panic(2)
    for attempt in (lambda: engine.choose(QUERY), lambda: engine.choose_batch([QUERY, QUERY])):
        with pytest.raises(EnginePanicError, match="the engine failed"):
            attempt()

    assert engine.checkpoint() == before
    assert engine.choose(QUERY) == choice
    assert engine.learn(outcome(1))


@pytest.mark.native
def test_a_bad_query_is_an_error_in_its_own_place_of_a_batch(engine: NativeEngine) -> None:
    bad = Query(1, (1, 0), 7, 0, 100.0, 0.1, text="")

    first, refused, last = engine.choose_batch([QUERY, bad, QUERY])

    assert isinstance(refused, InvalidQueryError)
    assert first == last == engine.choose(QUERY)


@pytest.mark.native
@pytest.mark.parametrize(
    "wrong",
    [{"seed": 2**64}, {"seed": -1}, {"now_nanos": 2**63}, {"candidates": (0, 2**70)}, {"input_tokens": 10**400}],
)
def test_a_number_that_no_machine_word_holds_is_an_invalid_query(
    engine: NativeEngine, wrong: dict[str, object]
) -> None:
    fields = {name: getattr(QUERY, name) for name in QUERY._fields}
    with pytest.raises(InvalidQueryError):
        engine.choose(Query(**{**fields, **wrong}))


@pytest.mark.native
def test_candidates_are_read_again_when_they_are_others_and_after_they_were_refused(engine: NativeEngine) -> None:
    one, both = QUERY._replace(candidates=(1,)), QUERY._replace(candidates=(0, 1))
    unreadable = QUERY._replace(candidates=(0, "one"))  # type: ignore[arg-type]
    expected = [engine.choose(query) for query in (one, both)]

    for _ in range(2):
        with pytest.raises(TypeError):
            engine.choose(unreadable)
        assert [engine.choose(query) for query in (one, both, both)] == [*expected, expected[1]]


@pytest.mark.native
@pytest.mark.usefixtures("no_switching")
def test_other_threads_run_while_a_batch_is_chosen(engine: NativeEngine) -> None:
    order: list[str] = []
    started, go = threading.Event(), threading.Event()

    def wait_and_note() -> None:
        started.set()
        go.wait()
        order.append("other thread")

    other = threading.Thread(target=wait_and_note)
    other.start()
    started.wait()
    go.set()
    engine.choose_batch([QUERY] * 50_000)
    order.append("batch")
    other.join()

    assert order == ["other thread", "batch"]


@pytest.mark.native
def test_threads_that_share_an_engine_wait_for_one_another(engine: NativeEngine) -> None:
    batches = [threading.Thread(target=engine.choose_batch, args=([QUERY] * 5_000,)) for _ in range(3)]
    for thread in batches:
        thread.start()
    learned = [engine.learn(outcome(sequence)) for sequence in range(2_000)]
    for thread in batches:
        thread.join(timeout=30)

    assert not any(thread.is_alive() for thread in batches)
    assert all(learned)
    assert engine.summary(0).learned == 2_000


@pytest.mark.native
def test_a_choice_cannot_be_changed(engine: NativeEngine) -> None:
    choice = engine.choose(QUERY)
    with pytest.raises(AttributeError):
        choice.chosen = 1  # type: ignore[misc]
    choice.propensities.append(1.0)  # type: ignore[attr-defined]
    assert len(choice.propensities) == 2
