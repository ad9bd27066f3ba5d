"""What a store promises about decisions, checkpoints, facts and forgetting."""

from __future__ import annotations

import dataclasses

from atp_grpc.domain.outcome import Recorded, Report
from atp_grpc.store.contract import Store
from tests.conformance.store.samples import ANSWERED, NOW, about, decision


async def test_a_saved_decision_is_found_whole(store: Store) -> None:
    await store.save_decisions([decision("one"), decision("two")])

    assert await store.find_decision("acme", "one") == decision("one")
    assert await store.find_decision("acme", "two") == decision("two")
    assert await store.find_decision("acme", "three") is None


async def test_a_decision_of_another_tenant_is_not_found(store: Store) -> None:
    await store.save_decisions([decision("one", tenant="acme")])

    assert await store.find_decision("umbra", "one") is None


async def test_saving_a_decision_again_changes_nothing(store: Store) -> None:
    await store.save_decisions([decision("one")])

    await store.save_decisions([dataclasses.replace(decision("one"), seed=1), decision("two")])

    assert await store.find_decision("acme", "one") == decision("one")
    assert await store.find_decision("acme", "two") == decision("two")


async def test_saving_no_decisions_is_fine(store: Store) -> None:
    await store.save_decisions([])


async def test_a_checkpoint_is_replaced_per_pool(store: Store) -> None:
    assert await store.load_checkpoint("default") is None

    await store.save_checkpoint("default", b"first")
    await store.save_checkpoint("pool\x00🦉", b"other")
    await store.save_checkpoint("default", bytes(range(256)))

    assert await store.load_checkpoint("default") == bytes(range(256))
    assert await store.load_checkpoint("pool\x00🦉") == b"other"
    await store.save_checkpoint("default", b"")
    assert await store.load_checkpoint("default") == b""


async def test_a_fact_is_remembered_until_it_is_written_again(store: Store) -> None:
    assert await store.read_fact("catalog.revision") is None

    await store.write_fact("catalog.revision", "1")
    await store.write_fact("catalog.revision", "2\x00🦉\\")
    await store.write_fact("empty", "")

    assert await store.read_fact("catalog.revision") == "2\x00🦉\\"
    assert await store.read_fact("empty") == ""


async def test_prune_forgets_only_what_is_older(store: Store) -> None:
    await store.save_decisions([decision("old", decided_nanos=NOW - 1), decision("new", decided_nanos=NOW)])
    await store.record(
        [about("old", quality=0.1, observed_nanos=NOW - 1), about("new", quality=0.2, observed_nanos=NOW)]
    )

    gone = await store.prune(fields_before_nanos=NOW, decisions_before_nanos=NOW, learned_through=2)

    assert gone == 3
    assert await store.find_decision("acme", "old") is None
    assert await store.find_decision("acme", "new") is not None
    assert await store.outcome_of("acme", "old") == Report()
    assert await store.outcome_of("acme", "new") == Report(quality=0.2)
    assert [observation.sequence for observation in await store.observations_after(0, 10)] == [2]


async def test_prune_tells_fields_from_decisions(store: Store) -> None:
    await store.save_decisions([decision("one", decided_nanos=NOW - 9)])
    await store.record([about("one", quality=0.1, observed_nanos=NOW - 9)])

    assert await store.prune(fields_before_nanos=NOW - 9, decisions_before_nanos=NOW, learned_through=1) == 1
    assert await store.outcome_of("acme", "one") == Report(quality=0.1)
    assert len(await store.observations_after(0, 10)) == 1


async def test_an_observation_not_learned_yet_outlives_every_prune(store: Store) -> None:
    await store.record([about(f"decision-{number}", quality=0.5) for number in range(4)])

    await store.prune(fields_before_nanos=NOW + 1, decisions_before_nanos=NOW + 1, learned_through=2)

    assert [observation.sequence for observation in await store.observations_after(0, 10)] == [3, 4]


async def test_sequences_go_on_after_everything_was_forgotten(store: Store) -> None:
    await store.record([about(f"decision-{number}", quality=0.5) for number in range(3)])
    await store.prune(fields_before_nanos=NOW + 1, decisions_before_nanos=NOW + 1, learned_through=3)
    assert await store.observations_after(0, 10) == []
    assert await store.last_sequence() == 3

    [answer] = await store.record([about("decision-0", quality=0.9)])

    assert isinstance(answer, Recorded)
    assert answer.observation is not None
    assert answer.observation.sequence == 4
    assert answer.observation.standing == Report()


async def test_fields_of_one_decision_are_forgotten_one_by_one(store: Store) -> None:
    await store.record([about(quality=0.5, observed_nanos=NOW - 10)])
    await store.record([about(attempts=(ANSWERED,), observed_nanos=NOW)])

    assert await store.prune(fields_before_nanos=NOW, decisions_before_nanos=0, learned_through=0) == 1

    assert await store.outcome_of("acme", "decision-1") == Report(attempts=(ANSWERED,))
    # What stood when it was learned is part of the observation and does not fade with the fields.
    assert (await store.observations_after(1, 1))[0].standing == Report(quality=0.5)


async def test_a_prune_of_thousands_goes_on_to_the_end(store: Store) -> None:
    await store.record([about(f"decision-{number}", quality=0.5) for number in range(2500)])
    await store.save_decisions([decision(f"decision-{number}") for number in range(2500)])

    gone = await store.prune(fields_before_nanos=NOW + 1, decisions_before_nanos=NOW + 1, learned_through=2500)

    assert gone == 7500
    assert await store.prune(fields_before_nanos=NOW + 1, decisions_before_nanos=NOW + 1, learned_through=2500) == 0
