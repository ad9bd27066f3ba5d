"""Where we may connect: to public addresses over TLS, and to what an operator has named.

The pool asks before every connection, and connects to the very addresses that were judged, so that a name which
resolves differently a moment later gains nothing. The catalogue may ask `refusal` at load. Nothing is looked up here.
The rule follows OWASP's advice against server-side request forgery; address blocks are those of IANA's special-purpose
registries as the standard library knows them, and every IPv4 address that an IPv6 address embeds is judged as well.
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from atp_grpc.providers.http.target import Origin, origin_of

# RFC 6052: a translator turns these into the IPv4 address in their last 32 bits.
_TRANSLATED = IPv6Network("64:ff9b::/96")
_INTERNAL_SUFFIXES = (".localhost", ".internal", ".local", ".localdomain", ".home.arpa")


class EgressRule:
    """Says whether a target, and an address it resolves to, may be connected to."""

    def __init__(self, allowed: Collection[str] = ()) -> None:
        """`allowed` names targets as `host:port`; those may be private, and spoken to without TLS."""
        self._allowed = frozenset(target.lower() for target in allowed)

    def refusal(self, base_url: str) -> str | None:
        """Why an address may not be used, as far as that can be told without looking its name up; else None."""
        try:
            origin = origin_of(base_url)
        except ValueError as error:
            return str(error)
        return self.refusal_of(origin)

    def refusal_of(self, origin: Origin) -> str | None:
        """The same for an address that was taken apart."""
        if self.is_allowed(origin):
            return None
        if not origin.is_secure:
            return "plain http is only spoken to targets on the list of private ones"
        if origin.host == "localhost" or origin.host.endswith(_INTERNAL_SUFFIXES):
            return "the name is an internal one, and not on the list of private targets"
        try:
            ip_address(origin.host)
        except ValueError:
            return None
        return None if is_public(origin.host) else "the address is not public, and not on the list of private targets"

    def is_allowed(self, origin: Origin) -> bool:
        """Whether an operator has named the target."""
        return origin.name in self._allowed

    def judges(self, origin: Origin, addresses: Collection[str]) -> bool:
        """Whether what a name resolves to may be connected to; one address that may not condemns them all."""
        return self.is_allowed(origin) or all(is_public(address) for address in addresses)


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet; what cannot be read does not."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address):
        if parsed in _TRANSLATED:
            return _is_public(IPv4Address(int(parsed) & 0xFFFF_FFFF))
        embedded = parsed.teredo[1] if parsed.teredo is not None else parsed.sixtofour
        if embedded is not None and not _is_public(embedded):
            return False
        # No resolver gives mapped addresses, and versions of Python judge them differently.
        if parsed.is_site_local or parsed.scope_id is not None or parsed.ipv4_mapped is not None:
            return False
    return _is_public(parsed)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    return address.is_global and not address.is_multicast and not address.is_reserved
