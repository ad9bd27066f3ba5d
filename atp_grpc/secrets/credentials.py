"""API keys: how they look, how they are made, and what is kept of them.

A key is `atp_<environment>_<key id>_<secret>`; the secret is 256 random bits in base 62. Only an HMAC-SHA256 of the
secret under the pepper is kept, so that a leaked list of digests helps nobody to call. It never stores anything.
"""

from __future__ import annotations

import hmac
import os
import re
import string
from dataclasses import dataclass, field

SECRET_BITS = 256
_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_SECRET_LENGTH = 43
_KEY_ID_LENGTH = 12
_CREDENTIAL = re.compile(
    r"atp_(?P<environment>[a-z]{1,16})_(?P<key_id>[A-Za-z0-9]{1,32})_(?P<secret>[A-Za-z0-9]{43})", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Credential:
    """A key taken apart. The secret hides itself from `repr`."""

    environment: str
    key_id: str
    secret: str = field(repr=False)

    def text(self) -> str:
        """The key as its owner writes it."""
        return f"atp_{self.environment}_{self.key_id}_{self.secret}"


def new_key(environment: str) -> Credential:
    """A fresh key for an environment (a profile's name: lower-case letters).

    Raises:
        ValueError: that is no name of an environment.
    """
    credential = Credential(environment, _random_text(_KEY_ID_LENGTH), _base62(os.urandom(SECRET_BITS // 8)))
    if parse_key(credential.text()) != credential:
        raise ValueError("an environment is 1 to 16 lower-case letters")
    return credential


def parse_key(text: str) -> Credential | None:
    """The parts of a key, or None when the text has not the form of one."""
    parts = _CREDENTIAL.fullmatch(text)
    return None if parts is None else Credential(parts["environment"], parts["key_id"], parts["secret"])


def digest(pepper: bytes, secret: str) -> str:
    """What is kept of a key: HMAC-SHA256 of its secret under the pepper, in hex."""
    return hmac.digest(pepper, secret.encode(), "sha256").hex()


def _base62(data: bytes) -> str:
    number, digits = int.from_bytes(data, "big"), []
    for _ in range(_SECRET_LENGTH):
        number, position = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[position])
    return "".join(reversed(digits))


def _random_text(length: int) -> str:
    return _base62(os.urandom(SECRET_BITS // 8))[-length:]
