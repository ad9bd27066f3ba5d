"""What is sealed opens unchanged for the same tenant under any key still held, and in no other way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.secrets.contract import SealError
from atp_grpc.secrets.nonces import Nonces
from atp_grpc.secrets.sealing import OVERHEAD_BYTES, SealingKey, SealingRing, new_sealing_key

OLD, NEW = SealingKey(b"old1", bytes(range(32))), SealingKey(b"new1", bytes(range(32, 64)))


def ring(*keys: SealingKey, current: SealingKey | None = None) -> SealingRing:
    return SealingRing(keys, (current or keys[-1]).id, Nonces())


ONE = ring(OLD)


@given(st.binary(max_size=300), st.binary(max_size=40))
def test_what_is_sealed_opens_unchanged(plaintext: bytes, associated: bytes) -> None:
    sealed = ONE.seal(plaintext, associated)

    assert len(sealed) == len(plaintext) + OVERHEAD_BYTES
    assert ONE.open(sealed, associated) == plaintext


@given(st.binary(max_size=60), st.data())
def test_one_changed_bit_anywhere_keeps_it_closed(plaintext: bytes, data: st.DataObject) -> None:
    sealed = bytearray(ONE.seal(plaintext, b"acme"))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= 1 << data.draw(st.integers(0, 7))

    with pytest.raises(SealError):
        ONE.open(bytes(sealed), b"acme")


@given(st.binary(max_size=60), st.data())
def test_any_cut_keeps_it_closed(plaintext: bytes, data: st.DataObject) -> None:
    sealed = ONE.seal(plaintext, b"acme")

    with pytest.raises(SealError):
        ONE.open(sealed[: data.draw(st.integers(0, len(sealed) - 1))], b"acme")


@given(st.binary(max_size=100))
def test_made_up_bytes_do_not_open(made_up: bytes) -> None:
    with pytest.raises(SealError):
        ONE.open(made_up, b"acme")
    with pytest.raises(SealError):
        ONE.open(b"\x01" + OLD.id + made_up, b"acme")


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_another_tenant_cannot_open_it(tenant: bytes, other: bytes) -> None:
    sealed = ONE.seal(b"a decision", tenant)
    if tenant == other:
        assert ONE.open(sealed, other) == b"a decision"
    else:
        with pytest.raises(SealError):
            ONE.open(sealed, other)


def test_the_same_bytes_never_look_the_same_twice() -> None:
    assert len({ONE.seal(b"a decision", b"acme") for _ in range(100)}) == 100


def test_what_an_older_key_sealed_still_opens_after_another_became_current() -> None:
    sealed = ring(OLD).seal(b"a decision", b"acme")

    assert ring(OLD, NEW, current=NEW).open(sealed, b"acme") == b"a decision"


def test_the_current_key_seals() -> None:
    sealed = ring(OLD, NEW, current=NEW).seal(b"a decision", b"acme")

    assert sealed[:5] == b"\x01" + NEW.id
    with pytest.raises(SealError):
        ring(OLD).open(sealed, b"acme")


def test_bytes_sealed_under_one_key_do_not_open_under_the_name_of_another() -> None:
    both = ring(OLD, NEW)
    sealed = both.seal(b"a decision", b"acme")

    with pytest.raises(SealError):
        both.open(sealed[:1] + OLD.id + sealed[5:], b"acme")


def test_a_current_key_that_is_not_there_is_refused() -> None:
    with pytest.raises(KeyError):
        SealingRing([OLD], NEW.id, Nonces())


def test_a_key_hides_itself_from_repr() -> None:
    assert repr(OLD.key)[2:-1] not in repr(OLD)


def test_new_keys_differ_in_name_and_content() -> None:
    first = new_sealing_key([])
    second = new_sealing_key([first.id])

    assert first.id != second.id
    assert first.key != second.key
    assert (len(first.id), len(first.key)) == (4, 32)
