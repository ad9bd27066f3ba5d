"""Which targets stay on this machine, so that a key in clear text may travel to them.

The channel asks before it opens without TLS. Nothing here resolves a name or opens a socket.
"""

from __future__ import annotations

import ipaddress

_SOCKET_FILES = ("unix:", "unix-abstract:")


class InsecureTargetError(ValueError):
    """A channel without TLS was asked for to a target that is not on this machine."""

    def __init__(self, target: str) -> None:
        super().__init__(
            f"{target!r} is not on this machine, and without TLS anyone on the way could read the key; "
            "use TLS, or allow an insecure channel on purpose"
        )
        self.target = target


def is_loopback(target: str) -> bool:
    """Tells whether every address of a gRPC target is on this machine.

    Understands the targets of gRPC's naming document: `host:port`, `dns:`, `ipv4:`, `ipv6:`, `unix:` and
    `unix-abstract:`. A name other than `localhost` (RFC 6761) counts as elsewhere, whatever it resolves to.
    """
    if target.startswith(_SOCKET_FILES):
        return True
    return all(_is_loopback_host(_host(address)) for address in _addresses(target))


def _addresses(target: str) -> list[str]:
    scheme, separator, rest = target.partition(":")
    if separator and scheme in {"ipv4", "ipv6"}:
        return rest.removeprefix("///").split(",")
    if separator and scheme == "dns":
        return [rest.rpartition("/")[2]]
    return [target]


def _host(address: str) -> str:
    if address.startswith("["):
        return address[1:].partition("]")[0]
    if address.count(":") > 1:
        return address
    return address.partition(":")[0]


def _is_loopback_host(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
