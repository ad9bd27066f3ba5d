"""A certificate authority for tests: whatever certificate a test wants, good or bad, in a moment."""

from __future__ import annotations

import datetime as dt
import ipaddress
import itertools
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
DAY = dt.timedelta(days=1)
_SERIALS = itertools.count(1_000)


@dataclass(frozen=True)
class Issued:
    """A certificate with its chain, its key, and its number."""

    certificate: bytes
    key: bytes
    serial: int

    def write(self, certificate: Path, key: Path) -> None:
        """Puts both in place, each in one step, as tools that renew certificates do."""
        for path, content in ((certificate, self.certificate), (key, self.key)):
            draft = path.with_name(f".{path.name}.new")
            draft.write_bytes(content)
            draft.replace(path)


class Authority:
    """Issues certificates for this machine."""

    def __init__(self, name: str = "test authority") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        self._certificate = self._sign(self._name, self._key.public_key(), next(_SERIALS), is_authority=True)
        self.root = _pem(self._certificate)
        """What callers trust."""

    def issue(
        self,
        *,
        key: PrivateKey | None = None,
        life: dt.timedelta = 30 * DAY,
        begins: dt.timedelta = -DAY,
        uses: tuple[x509.ObjectIdentifier, ...] = (ExtendedKeyUsageOID.SERVER_AUTH,),
        middle: bool = False,
        passphrase: bytes = b"",
    ) -> Issued:
        """A certificate for localhost and 127.0.0.1; with `middle`, one that an intermediate authority issued."""
        key, serial = key or ec.generate_private_key(ec.SECP256R1()), next(_SERIALS)
        if middle:
            between = Authority("middle authority")
            link = self._sign(between._name, between._key.public_key(), next(_SERIALS), is_authority=True)
            leaf = between._sign(_name("atp"), key.public_key(), serial, begins=begins, life=life, uses=uses)
            chain = _pem(leaf) + _pem(link)
        else:
            chain = _pem(self._sign(_name("atp"), key.public_key(), serial, begins=begins, life=life, uses=uses))
        return Issued(chain, _key_pem(key, passphrase), serial)

    def _sign(
        self,
        subject: x509.Name,
        public: object,
        serial: int,
        *,
        is_authority: bool = False,
        begins: dt.timedelta = -DAY,
        life: dt.timedelta = 365 * DAY,
        uses: tuple[x509.ObjectIdentifier, ...] = (),
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public)  # type: ignore[arg-type]
            .serial_number(serial)
            .not_valid_before(now + begins)
            .not_valid_after(now + begins + life)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if not is_authority:
            here = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            builder = builder.add_extension(x509.SubjectAlternativeName(here), critical=False)
        if uses:
            builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        return builder.sign(self._key, hashes.SHA256())


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: PrivateKey, passphrase: bytes) -> bytes:
    how: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        how = serialization.BestAvailableEncryption(passphrase)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)
