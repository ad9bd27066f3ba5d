"""The address of a request, taken apart once: where to connect, and what to ask for there.

The client enters here with an endpoint's address, the catalogue may to judge one at load. It looks nothing up.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

_PORTS = {"https": 443, "http": 80}
# RFC 3986, without what would end a request line or start a fragment.
_PATH_CHARACTERS = frozenset(string.ascii_letters + string.digits + "-._~%!$&'()*+,;=:@/")
_HOST_CHARACTERS = frozenset(string.ascii_letters + string.digits + "-._:")


class Origin(NamedTuple):
    """Where to connect. `host` is lower case and without brackets."""

    is_secure: bool
    host: str
    port: int

    @property
    def name(self) -> str:
        """`host:port`, as an allow-list writes it; an IPv6 address stands in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Target(NamedTuple):
    """What to ask for, and where."""

    origin: Origin
    path: str
    """Path and query, as they stand in the request line."""
    authority: str
    """As it stands in the `host` header: without a port that goes without saying."""


@lru_cache(maxsize=1024)
def origin_of(base_url: str) -> Origin:
    """Where a base address leads.

    Raises:
        ValueError: it is no plain `https:` or `http:` address; credentials, queries and fragments are not plain.
    """
    parts = urlsplit(base_url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("an address starts with https:// or http:// and a host")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise ValueError("an address holds no credentials, query or fragment")
    if not _HOST_CHARACTERS.issuperset(parts.hostname) or not _PATH_CHARACTERS.issuperset(parts.path):
        raise ValueError("an address is written in ASCII, percent-encoded where needed")
    port = parts.port
    if port == 0:
        raise ValueError("there is no port 0")
    return Origin(parts.scheme == "https", parts.hostname, port or _PORTS[parts.scheme])


def target_of(base_url: str, path: str, query: Mapping[str, str]) -> Target:
    """The address of `path` below a base address.

    Raises:
        ValueError: the base address is not plain.
    """
    target = _target_of(base_url, path)
    return target._replace(path=f"{target.path}?{urlencode(query)}") if query else target


@lru_cache(maxsize=1024)
def _target_of(base_url: str, path: str) -> Target:
    origin = origin_of(base_url)
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    is_usual = origin.port == _PORTS["https" if origin.is_secure else "http"]
    return Target(origin, urlsplit(base_url).path.rstrip("/") + path, host if is_usual else f"{host}:{origin.port}")
