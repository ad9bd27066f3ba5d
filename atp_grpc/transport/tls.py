"""A certificate and its key: read from two files, judged whole, and refused with a sentence for people.

The listener serves what passes here, at start and at every rotation. Nothing here speaks TLS, keeps a file open or
quotes what stands in one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from atp_grpc.domain.clock import NANOS_PER_SECOND

MOST_BYTES = 1_048_576
"""No certificate file is larger; what is larger is another file."""
LEAST_RSA_BITS = 2048
CURVES = ("secp256r1", "secp384r1")
"""The curves that grpcio's core signs with; of others it says so at the first handshake only."""
_BEGIN = b"-----BEGIN CERTIFICATE-----"


class UnusablePairError(Exception):
    """A certificate and a key that cannot be served. The sentence names the file and never quotes it."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate chain with its key, both as PEM, and what is said about them."""

    certificate: bytes
    key: bytes
    leaf: bytes
    """SHA-256 of the server's own certificate: what tells one pair from another on the wire."""
    subject: str
    begins_nanos: int
    """When the last certificate of the chain came into its time."""
    expires_nanos: int
    """When the first certificate of the chain expires."""

    def __repr__(self) -> str:
        return f"Pair({self.subject!r})"


@dataclass(frozen=True, slots=True)
class PairFiles:
    """Where the pair stands."""

    certificate: str
    key: str

    def read(self) -> tuple[bytes, bytes]:
        """The bytes of both files.

        Raises:
            UnusablePairError: one cannot be read.
        """
        return _read(self.certificate), _read(self.key)

    def judge(self, certificate: bytes, key: bytes, now_nanos: int) -> Pair:
        """The pair that bytes of both files make: it parses, belongs together, forms a chain and is in its time.

        Raises:
            UnusablePairError: it cannot be served.
        """
        try:
            return self._judge(certificate, key, now_nanos)
        except UnusablePairError:
            raise
        except Exception:  # noqa: BLE001 - certificates are taken apart as they are read, with errors of many kinds
            raise UnusablePairError(f"{self.certificate}: something in it cannot be read") from None

    def _judge(self, certificate: bytes, key: bytes, now_nanos: int) -> Pair:
        chain = _chain(self.certificate, certificate)
        _check_key(self.key, key, chain[0])
        _check_use(self.certificate, chain[0])
        for child, parent in pairwise(chain):
            _check_issued(self.certificate, child, parent)
        for one in chain:
            _check_time(self.certificate, one, now_nanos)
        return Pair(
            certificate=certificate,
            key=key,
            leaf=hashlib.sha256(chain[0].public_bytes(serialization.Encoding.DER)).digest(),
            subject=_name(chain[0]),
            begins_nanos=max(_nanos(one.not_valid_before_utc.timestamp()) for one in chain),
            expires_nanos=min(_nanos(one.not_valid_after_utc.timestamp()) for one in chain),
        )


def _read(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UnusablePairError(f"{path}: cannot be read: {error.strerror}") from None
    if len(data) > MOST_BYTES:
        raise UnusablePairError(f"{path}: is larger than {MOST_BYTES} bytes")
    return data


def _chain(name: str, data: bytes) -> list[x509.Certificate]:
    try:
        chain = x509.load_pem_x509_certificates(data)
    except ValueError:
        raise UnusablePairError(f"{name}: holds no whole PEM certificate") from None
    # The parser skips what does not end: a file in the middle of being written may seem to be a shorter chain.
    if len(chain) != data.count(_BEGIN):
        raise UnusablePairError(f"{name}: a certificate in it is cut")
    return chain


def _check_key(name: str, data: bytes, leaf: x509.Certificate) -> None:
    try:
        key = serialization.load_pem_private_key(data, password=None)
    except TypeError:
        raise UnusablePairError(f"{name}: the key has a passphrase") from None
    except ValueError:
        raise UnusablePairError(f"{name}: holds no whole PEM private key") from None
    except Exception:  # noqa: BLE001 - the library names no class for algorithms it does not know
        raise UnusablePairError(f"{name}: the key is of an unknown kind") from None
    if isinstance(key, rsa.RSAPrivateKey):
        if key.key_size < LEAST_RSA_BITS:
            raise UnusablePairError(f"{name}: an RSA key needs {LEAST_RSA_BITS} bits, this one has {key.key_size}")
    elif not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name not in CURVES:
        raise UnusablePairError(f"{name}: the key is neither RSA nor of the curves P-256 and P-384")
    if key.public_key() != leaf.public_key():
        raise UnusablePairError(f"{name}: is not the key of the certificate")


def _check_use(name: str, leaf: x509.Certificate) -> None:
    """A certificate that says what it is for must say that it is for servers."""
    try:
        uses = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return
    if not {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & set(uses):
        raise UnusablePairError(f"{name}: the certificate is not for servers")


def _check_issued(name: str, child: x509.Certificate, parent: x509.Certificate) -> None:
    try:
        child.verify_directly_issued_by(parent)
    except (ValueError, TypeError, InvalidSignature):
        raise UnusablePairError(f"{name}: {_name(child)!r} was not issued by the certificate after it") from None


def _check_time(name: str, certificate: x509.Certificate, now_nanos: int) -> None:
    if now_nanos < _nanos(certificate.not_valid_before_utc.timestamp()):
        raise UnusablePairError(
            f"{name}: {_name(certificate)!r} is not valid before {certificate.not_valid_before_utc}"
        )
    if now_nanos >= _nanos(certificate.not_valid_after_utc.timestamp()):
        raise UnusablePairError(f"{name}: {_name(certificate)!r} expired at {certificate.not_valid_after_utc}")


def _name(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string() or f"serial {certificate.serial_number:x}"


def _nanos(seconds: float) -> int:
    return round(seconds) * NANOS_PER_SECOND
