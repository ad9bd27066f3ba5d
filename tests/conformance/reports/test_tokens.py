"""Opening tokens: Rust reads every lesson as the reference does, and refuses what it refuses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.domain.decision import Lesson, Revisions
from atp_grpc.domain.errors import AtpError, TokenExpiredError, TokenInvalidError
from atp_grpc.domain.money import TokenPrices
from atp_grpc.domain.request import FeatureVector
from atp_grpc.learning.native import NativeTokens
from atp_grpc.routing.feedback import FeedbackTokens
from atp_grpc.secrets.contract import SealError
from tests.conformance.store.samples import NOW, lesson, lessons
from tests.native_engine import need_native, no_fault
from tests.unit.learning.examples import FIRST_LESSON, FIRST_VERSION, SECOND_LESSON, SECOND_VERSION


class OpenSealer:
    """A sealer that hides nothing, so that what is inside can be anything."""

    def seal(self, plaintext: bytes, associated: bytes) -> bytes:
        return associated + b"|" + plaintext

    def open(self, sealed: bytes, associated: bytes) -> bytes:
        if not sealed.startswith(associated + b"|"):
            raise SealError("another tenant's")
        return sealed[len(associated) + 1 :]


REFERENCE = FeedbackTokens(OpenSealer())


@pytest.fixture(scope="module")
def native() -> NativeTokens:
    need_native()
    return NativeTokens(OpenSealer(), REFERENCE, on_fault=no_fault)


def opened(tokens: NativeTokens | FeedbackTokens, token: bytes, tenant: str, now: int) -> object:
    try:
        return tokens.open(token, tenant=tenant, now_nanos=now)
    except AtpError as error:
        return type(error), str(error)


@pytest.mark.native
@given(lessons)
def test_every_lesson_comes_back_as_it_was_sealed(native: NativeTokens, sealed: Lesson) -> None:
    read = native.open(REFERENCE.seal(sealed), tenant=sealed.tenant, now_nanos=sealed.expires_nanos - 1)

    assert read == sealed
    assert [type(part) for part in (read, read.features, read.prices, read.revisions)] == [
        type(part) for part in (sealed, sealed.features, sealed.prices, sealed.revisions)
    ]


@pytest.mark.native
@given(st.binary(max_size=300), st.integers(0, 300), st.integers(0, 7))
def test_both_say_the_same_of_any_bytes(native: NativeTokens, noise: bytes, at: int, bit: int) -> None:
    token = bytearray(REFERENCE.seal(lesson()))
    token[at % len(token)] ^= 1 << bit

    versions = [b"acme|" + version + noise for version in (b"", b"\x01", b"\x02", b"\x03")]
    for anything in (bytes(token), *versions, bytes(token[:at])):
        assert opened(native, anything, "acme", NOW) == opened(REFERENCE, anything, "acme", NOW)


@pytest.mark.native
@pytest.mark.parametrize(
    ("sealed", "known"), [(FIRST_VERSION, FIRST_LESSON), (SECOND_VERSION, SECOND_LESSON)], ids=["first", "second"]
)
def test_a_token_that_an_earlier_version_sealed_opens_in_rust(sealed: bytes, known: Lesson) -> None:
    need_native()
    lesson_of = pytest.importorskip("atp_native").LessonReader(Lesson, FeatureVector, TokenPrices, Revisions).read

    assert lesson_of(sealed, "acme") == known
    for length in range(len(sealed)):
        assert lesson_of(sealed[:length], "acme") is None
    for version in (b"\x03", b"\x04"):
        assert lesson_of(version + sealed[1:], "acme") is None


@pytest.mark.native
def test_another_tenants_token_and_an_old_one_are_refused(native: NativeTokens) -> None:
    token = REFERENCE.seal(lesson())

    with pytest.raises(TokenInvalidError):
        native.open(token, tenant="umbra", now_nanos=NOW)
    with pytest.raises(TokenExpiredError):
        native.open(token, tenant="acme", now_nanos=NOW + 1)
