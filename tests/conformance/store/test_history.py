"""What a store promises about decisions, checkpoints, facts and forgetting."""

from __future__ import annotations

import dataclasses

import pytest

from atp_grpc.domain.outcome import Conflict, Recorded, Report
from atp_grpc.store.contract import Store, StoreFailure
from atp_grpc.store.decision_codec import record_of
from tests.conformance.store.samples import ANSWERED, NOW, about, decision, kept


async def test_a_saved_decision_is_found_whole(store: Store) -> None:
    await store.save_decisions([kept("one"), kept("two")])

    assert await store.find_decision("acme", "one") == decision("one")
    assert await store.find_decision("acme", "two") == decision("two")
    assert await store.find_decision("acme", "three") is None


async def test_a_decision_of_another_tenant_is_not_found(store: Store) -> None:
    await store.save_decisions([kept("one", tenant="acme")])

    assert await store.find_decision("umbra", "one") is None


async def test_saving_a_decision_again_changes_nothing(store: Store) -> None:
    await store.save_decisions([kept("one")])

    await store.save_decisions([record_of(dataclasses.replace(decision("one"), seed=1)), kept("two")])

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
    await store.save_decisions([kept("old", decided_nanos=NOW - 1), kept("new", decided_nanos=NOW)])
    await store.record([about("old", quality=0.1, observed_nanos=NOW - 1)])
    await store.record([about("new", quality=0.2, observed_nanos=NOW)])

    await store.prune(fields_before_nanos=NOW, decisions_before_nanos=NOW, learned_through=2)

    assert await store.find_decision("acme", "old") is None
    assert await store.find_decision("acme", "new") is not None
    assert await store.outcome_of("acme", "old") == Report()
    assert await store.outcome_of("acme", "new") == Report(quality=0.2)
    assert [observation.sequence for observation in await store.observations_after(0, 10)] == [2]


async def test_what_is_young_outlives_a_prune_of_what_was_written_with_it(store: Store) -> None:
    await store.save_decisions([kept("d-old", decided_nanos=NOW - 1), kept("d-new", decided_nanos=NOW)])
    await store.record([about("d-old", quality=0.1, observed_nanos=NOW - 1), about("d-new", quality=0.2)])

    await store.prune(fields_before_nanos=NOW, decisions_before_nanos=NOW, learned_through=2)

    assert await store.find_decision("acme", "d-new") is not None
    assert await store.outcome_of("acme", "d-new") == Report(quality=0.2)
    assert 2 in [observation.sequence for observation in await store.observations_after(0, 10)]
    await store.prune(fields_before_nanos=NOW + 1, decisions_before_nanos=NOW + 1, learned_through=2)
    assert await store.find_decision("acme", "d-old") is None
    assert await store.find_decision("acme", "d-new") is None
    assert await store.outcome_of("acme", "d-old") == Report()
    assert await store.observations_after(0, 10) == []


async def test_a_decision_lives_at_most_seconds_longer_than_its_time(store: Store) -> None:
    await store.save_decisions([kept("d-old", decided_nanos=NOW - 5 * 10**9), kept("d-new", decided_nanos=NOW)])

    await store.prune(fields_before_nanos=0, decisions_before_nanos=NOW, learned_through=0)

    assert await store.find_decision("acme", "d-old") is None
    assert await store.find_decision("acme", "d-new") is not None


async def test_prune_tells_fields_from_decisions(store: Store) -> None:
    await store.save_decisions([kept("one", decided_nanos=NOW - 9)])
    await store.record([about("one", quality=0.1, observed_nanos=NOW - 9)])

    await store.prune(fields_before_nanos=NOW - 9, decisions_before_nanos=NOW, learned_through=1)

    assert await store.find_decision("acme", "one") is None
    assert await store.outcome_of("acme", "one") == Report(quality=0.1)
    assert len(await store.observations_after(0, 10)) == 1


async def test_an_observation_not_learned_yet_outlives_every_prune(store: Store) -> None:
    for number in range(4):
        await store.record([about(f"decision-{number}", quality=0.5)])

    await store.prune(fields_before_nanos=NOW + 1, decisions_before_nanos=NOW + 1, learned_through=2)

    assert [observation.sequence for observation in await store.observations_after(0, 10)] == [3, 4]
    assert await store.outcome_of("acme", "decision-3") == Report(quality=0.5)


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


async def test_a_field_is_remembered_as_long_as_the_latest_report_on_its_decision(store: Store) -> None:
    await store.record([about(quality=0.5, observed_nanos=NOW - 10)])
    await store.record([about(attempts=(ANSWERED,), observed_nanos=NOW)])

    await store.prune(fields_before_nanos=NOW, decisions_before_nanos=0, learned_through=2)

    assert await store.outcome_of("acme", "decision-1") == Report(quality=0.5, attempts=(ANSWERED,))
    [kept_one] = await store.observations_after(0, 10)
    assert kept_one.standing == Report(quality=0.5)
    assert await store.record([about(quality=0.6)]) == [Conflict("quality")]
    await store.prune(fields_before_nanos=NOW + 1, decisions_before_nanos=0, learned_through=2)
    assert await store.outcome_of("acme", "decision-1") == Report()


async def test_a_prune_of_thousands_goes_on_to_the_end(store: Store) -> None:
    for crowd in range(100):
        await store.record([about(f"decision-{crowd}-{number}", quality=0.5) for number in range(25)])
        await store.save_decisions([kept(f"{crowd:03d}{number:09d}") for number in range(25)])

    await store.prune(fields_before_nanos=NOW + 1, decisions_before_nanos=NOW + 1, learned_through=2500)

    assert await store.observations_after(0, 1) == []
    assert await store.outcome_of("acme", "decision-99-24") == Report()
    assert await store.find_decision("acme", "099000000024") is None


async def test_decisions_of_any_names_and_moments_are_found_among_thousands(store: Store) -> None:
    made = [
        kept(name, tenant=tenant, decided_nanos=NOW + number * 10**9)
        for number in range(40)
        for tenant in ("acme", "umbra")
        for name in (f"018f{number:08x}0123456789abcdef0123", f"d-{number}", "\x00" * number + "é", "🦉" * number)
    ]
    await store.save_decisions(made)

    for record in made:
        found = await store.find_decision(record.tenant, record.decision_id)
        assert found is not None
        assert (found.tenant, found.decision_id) == record[:2]


async def test_decisions_whose_names_have_one_checksum_are_told_apart(store: Store) -> None:
    # CRC-32 of both is the same.
    await store.save_decisions(
        [kept("plumless"), kept("buckeroo"), kept("018f00000plumless"), kept("018f00000buckeroo")]
    )

    for name in ("plumless", "buckeroo", "018f00000plumless", "018f00000buckeroo"):
        assert await store.find_decision("acme", name) == decision(name)


async def test_a_damaged_decision_is_a_failure_and_harms_no_other(store: Store) -> None:
    damaged = kept("018f00000one")._replace(body=kept("018f00000one").body[:-1])
    await store.save_decisions([kept("018f00000zero"), damaged, kept("018f00000two")])

    with pytest.raises(StoreFailure, match="decision is damaged"):
        await store.find_decision("acme", "018f00000one")
    assert await store.find_decision("acme", "018f00000zero") == decision("018f00000zero")
    assert await store.find_decision("acme", "018f00000two") == decision("018f00000two")
