"""A certificate and a key are served only when they parse, belong together, form a chain and are in their time."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.transport.tls import MOST_BYTES, Pair, PairFiles, UnusablePairError
from tests.authority import DAY, Authority, Issued

AUTHORITY = Authority()
GOOD = AUTHORITY.issue()
CHAINED = AUTHORITY.issue(middle=True)
FILES = PairFiles("tls.crt", "tls.key")


def judged(certificate: bytes, key: bytes) -> Pair:
    return FILES.judge(certificate, key, time.time_ns())


def refusal(certificate: bytes, key: bytes) -> str:
    with pytest.raises(UnusablePairError) as refused:
        judged(certificate, key)
    return str(refused.value)


@pytest.mark.parametrize(
    "issued",
    [
        GOOD,
        CHAINED,
        AUTHORITY.issue(key=ec.generate_private_key(ec.SECP384R1())),
        AUTHORITY.issue(key=rsa.generate_private_key(65537, 2048)),
        AUTHORITY.issue(uses=()),
        AUTHORITY.issue(uses=(ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)),
    ],
    ids=["p256", "chain", "p384", "rsa", "any use", "said any use"],
)
def test_a_good_pair_is_taken_as_it_is(issued: Issued) -> None:
    pair = judged(issued.certificate, issued.key)

    assert (pair.certificate, pair.key, pair.subject) == (issued.certificate, issued.key, "CN=atp")


def test_a_root_after_the_chain_does_no_harm() -> None:
    assert judged(CHAINED.certificate + AUTHORITY.root, CHAINED.key).subject == "CN=atp"


def test_the_pair_expires_when_the_first_of_its_chain_does() -> None:
    short, long = AUTHORITY.issue(life=2 * DAY), AUTHORITY.issue(life=400 * DAY, middle=True)
    now = time.time()

    assert judged(short.certificate, short.key).expires_nanos / 1e9 == pytest.approx(now + 86_400, abs=3_600)
    assert judged(long.certificate, long.key).expires_nanos / 1e9 == pytest.approx(now + 364 * 86_400, abs=3_600)


def test_two_certificates_are_told_apart_and_one_is_itself() -> None:
    other = AUTHORITY.issue()

    assert judged(GOOD.certificate, GOOD.key).leaf == judged(GOOD.certificate, GOOD.key).leaf
    assert judged(GOOD.certificate, GOOD.key).leaf != judged(other.certificate, other.key).leaf


def test_the_key_never_shows_in_what_is_printed_of_a_pair() -> None:
    assert repr(judged(GOOD.certificate, GOOD.key)) == "Pair('CN=atp')"


MISTAKES: dict[str, tuple[Callable[[], tuple[bytes, bytes]], str]] = {
    "no certificate": (lambda: (b"", GOOD.key), "tls.crt: holds no whole PEM certificate"),
    "no key": (lambda: (GOOD.certificate, b""), "tls.key: holds no whole PEM private key"),
    "half a certificate": (lambda: (GOOD.certificate[:300], GOOD.key), "tls.crt: holds no whole PEM certificate"),
    "half a key": (lambda: (GOOD.certificate, GOOD.key[:100]), "tls.key: holds no whole PEM private key"),
    "half a chain": (lambda: (CHAINED.certificate[:-200], CHAINED.key), "tls.crt: "),
    "a damaged certificate": (
        lambda: (GOOD.certificate.replace(b"M", b"N", 3), GOOD.key),
        "tls.crt: holds no whole PEM certificate",
    ),
    "the key of another": (
        lambda: (GOOD.certificate, AUTHORITY.issue().key),
        "tls.key: is not the key of the certificate",
    ),
    "the files in each other's place": (
        lambda: (GOOD.key, GOOD.certificate),
        "tls.crt: holds no whole PEM certificate",
    ),
    "a chain in the wrong order": (
        lambda: (AUTHORITY.root + GOOD.certificate, GOOD.key),
        "tls.key: is not the key of the certificate",
    ),
    "a foreign certificate in the chain": (
        lambda: (GOOD.certificate + Authority("stranger").root, GOOD.key),
        "tls.crt: 'CN=atp' was not issued by the certificate after it",
    ),
    "a namesake in the chain": (
        lambda: (GOOD.certificate + Authority().root, GOOD.key),
        "tls.crt: 'CN=atp' was not issued by the certificate after it",
    ),
    "a certificate for clients": (
        lambda: _both(AUTHORITY.issue(uses=(ExtendedKeyUsageOID.CLIENT_AUTH,))),
        "tls.crt: the certificate is not for servers",
    ),
    "a key with a passphrase": (lambda: _both(AUTHORITY.issue(passphrase=b"x")), "tls.key: the key has a passphrase"),
    "a weak key": (
        lambda: _both(AUTHORITY.issue(key=rsa.generate_private_key(65537, 1024))),
        "tls.key: an RSA key needs 2048 bits, this one has 1024",
    ),
    "a curve that the core does not sign with": (
        lambda: _both(AUTHORITY.issue(key=ec.generate_private_key(ec.SECP521R1()))),
        "tls.key: the key is neither RSA nor of the curves P-256 and P-384",
    ),
    "an algorithm that the core does not sign with": (
        lambda: _both(AUTHORITY.issue(key=ed25519.Ed25519PrivateKey.generate())),
        "tls.key: the key is neither RSA nor of the curves P-256 and P-384",
    ),
    "an expired certificate": (
        lambda: _both(AUTHORITY.issue(begins=-2 * DAY, life=DAY)),
        "tls.crt: 'CN=atp' expired at",
    ),
    "a certificate of tomorrow": (lambda: _both(AUTHORITY.issue(begins=DAY)), "tls.crt: 'CN=atp' is not valid before"),
}


def _both(issued: Issued) -> tuple[bytes, bytes]:
    return issued.certificate, issued.key


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_pair_that_cannot_be_served_is_refused_with_its_file_and_the_reason(mistake: str) -> None:
    files, sentence = MISTAKES[mistake]

    assert refusal(*files()).startswith(sentence)


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_whatever_the_files_hold_ends_in_a_refusal_that_quotes_none_of_it(certificate: bytes, key: bytes) -> None:
    said = refusal(certificate, key)

    assert said.startswith(("tls.crt: ", "tls.key: "))
    assert len(said) < 100


@given(st.data())
def test_a_changed_byte_never_makes_another_pair_pass(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(CHAINED.certificate) - 1))
    changed = bytearray(CHAINED.certificate)
    changed[place] ^= 1 << data.draw(st.integers(0, 7))
    try:
        pair = judged(bytes(changed), CHAINED.key)
    except UnusablePairError:
        return

    assert pair.leaf == judged(CHAINED.certificate, CHAINED.key).leaf


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnusablePairError, match=r"nowhere\.crt: cannot be read: No such file or directory"):
        PairFiles(str(tmp_path / "nowhere.crt"), str(tmp_path / "nowhere.key")).read()


def test_a_file_that_is_much_too_large_is_not_read_to_its_end() -> None:
    with pytest.raises(UnusablePairError, match=f"/dev/zero: is larger than {MOST_BYTES} bytes"):
        PairFiles("/dev/zero", "/dev/zero").read()
