"""Pages of a list: opaque tokens, signed, bound to the list they belong to (Google AIP-158).

A token names the last entry of its page, so entries that come or go between pages are neither missed nor repeated.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import TypeVar

from atp_grpc.domain.errors import PageTokenInvalidError
from atp_grpc.secrets.contract import Signer

DEFAULT_PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000

_Entry = TypeVar("_Entry")


class Pages:
    """Cuts sorted mappings into pages."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def cut(
        self, entries: Mapping[str, _Entry], *, scope: str, page_size: int, page_token: str
    ) -> tuple[list[_Entry], str]:
        """One page and the token of the next ("" at the end).

        Args:
            entries: sorted by name.
            scope: what the token is bound to: the list, the tenant and every argument but the page.
            page_size: 0 means 100; above 1,000 means 1,000.
            page_token: the token of the page before, or "".

        Raises:
            PageTokenInvalidError: the token was not made here for this scope.
        """
        after = self.last(page_token, scope) if page_token else None
        size = size_of(page_size)
        names = [name for name in entries if after is None or name > after]
        page = names[:size]
        more = len(names) > size
        return [entries[name] for name in page], self.token(page[-1], scope) if more else ""

    def token(self, last: str, scope: str) -> str:
        """The token of the page after the entry of that name."""
        name = last.encode()
        signature = self._signer.sign(_bound(name, scope))
        return base64.urlsafe_b64encode(bytes([len(signature)]) + signature + name).decode()

    def last(self, token: str, scope: str) -> str:
        """The name that a token was made of.

        Raises:
            PageTokenInvalidError: the token was not made here for this scope.
        """
        try:
            data = base64.b64decode(token, altchars=b"-_", validate=True)
            length = data[0]
            signature, name = data[1 : 1 + length], data[1 + length :]
            if self._signer.verify(_bound(name, scope), signature):
                return name.decode()
        except (binascii.Error, IndexError, ValueError):
            pass
        raise PageTokenInvalidError


def size_of(page_size: int) -> int:
    """Entries of a page: 0 means 100; above 1,000 means 1,000."""
    return min(page_size or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)


def _bound(name: bytes, scope: str) -> bytes:
    return scope.encode() + b"\0" + name
