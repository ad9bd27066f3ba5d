"""Endpoints in the catalogue file: what a provider says of all its deployments, and what a deployment says otherwise.

`loader` enters here for each `[[provider]]` and `[[deployment]]`. Keys are only referred to: what could be a key itself
is refused without being shown. Nothing is looked up, called or opened; whether an address may be called is for others
to judge.
"""

from __future__ import annotations

import dataclasses
import enum
import re
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from atp_grpc.catalog.table import Table
from atp_grpc.domain.endpoint import Dialect, Endpoint, Quirk, Timeouts
from atp_grpc.secrets.contract import is_key_reference

JudgeAddress = Callable[[str], str | None]
"""What is wrong with an `https:` or `http:` address, in a sentence that does not quote it; None if nothing is."""

LONGEST_TIMEOUT_SECONDS: Final = 3600.0
_LONGEST_ADDRESS = 2048
_LONGEST_VALUE = 1024
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")
_PARAMETER = re.compile(r"[A-Za-z0-9._~-]{1,128}")
_SECRET_NAMES = frozenset(
    {
        *("authorization", "proxy-authorization", "cookie", "api-key", "x-api-key", "x-goog-api-key"),
        *("key", "api_key", "apikey", "token", "access_token"),
    }
)
_OUR_HEADERS = frozenset(
    {"host", "content-length", "content-type", "transfer-encoding", "connection", "accept-encoding"}
)
_SCHEMES = ("https://", "http://")
_WITHOUT_ADDRESS = frozenset({Dialect.DRY_RUN, Dialect.LITELLM})
_NO_TERMS: Final[Mapping[str, object]] = {}

_Word = TypeVar("_Word", bound=enum.StrEnum)


def accept_all(address: str) -> str | None:  # noqa: ARG001 - a judge that looks at nothing
    """Finds nothing wrong: for whoever never calls an address."""
    return None


class Endpoints:
    """Reads the endpoints of one file. Providers come first, because deployments begin with what they say."""

    def __init__(self, judge: JudgeAddress) -> None:
        self._judge = judge
        self._of_providers: dict[str, Mapping[str, object]] = {}

    def take(self, provider: str, table: Table) -> None:
        """Keeps what a provider says of all its deployments."""
        said = _read(table)
        if said and "dialect" not in said and not table.has("dialect"):
            table.complain("dialect", "is missing: how can it be called?")
        self._check_address(table, said)
        self._of_providers[provider] = said

    def read(self, table: Table, *, provider: str, model: str) -> Endpoint | None:
        """The endpoint of a deployment; None when nothing says how it is called."""
        inherited = self._of_providers.get(provider, _NO_TERMS)
        own = _read(table)
        own |= {key: value for key, value in _read_own(table).items() if value is not None}
        said = {**inherited, **own}
        dialect = said.get("dialect")
        if not isinstance(dialect, Dialect):
            if own and not table.has("dialect"):
                table.complain("dialect", "is missing: how can it be called?")
            return None
        if dialect is Dialect.DRY_RUN:
            # It calls nobody, so neither an address nor a key of its provider concerns it.
            self._check_address(table, {**own, "dialect": dialect})
            said = {key: value for key, value in said.items() if key not in ("base_url", "keys")}
        elif "base_url" in own or "dialect" in own:
            self._check_address(table, said)
        if dialect not in _WITHOUT_ADDRESS and not said.get("base_url") and not table.has("base_url"):
            table.complain("base_url", f"is missing: the dialect {dialect} needs an address")
        return _endpoint(said, inherited, own, model)

    def _check_address(self, table: Table, said: Mapping[str, object]) -> None:
        address, dialect = said.get("base_url"), said.get("dialect")
        if not isinstance(address, str) or dialect is None:
            return
        if dialect is Dialect.DRY_RUN:
            table.complain("base_url", "a dry run calls nobody, so it has no address")
        elif dialect is Dialect.REMOTE and not re.search(r":\d+$", address):
            table.complain("base_url", "must be host:port, where the adapter listens")
        elif dialect is not Dialect.REMOTE and not address.lower().startswith(_SCHEMES):
            table.complain("base_url", "must begin with https:// or http://")
        elif sentence := self._judge(address if "//" in address else f"https://{address}"):
            table.complain("base_url", sentence)


def _endpoint(
    said: Mapping[str, object], inherited: Mapping[str, object], own: Mapping[str, object], model: str
) -> Endpoint:
    seconds = {**_seconds_of(inherited), **_seconds_of(own)}
    fields = {key: value for key, value in said.items() if key != "timeouts"}
    return Endpoint(**{"model": model, **fields, "timeouts": Timeouts(**seconds)})  # type: ignore[arg-type]


def _seconds_of(said: Mapping[str, object]) -> dict[str, float]:
    seconds = said.get("timeouts", {})
    return seconds if isinstance(seconds, dict) else {}


def _read(table: Table) -> dict[str, object]:
    """What a provider or a deployment says of how it is called, by field of `Endpoint`."""
    said = {
        "dialect": _word(table, "dialect", Dialect),
        "base_url": _address(table),
        "keys": _keys(table),
        "quirks": _quirks(table),
        "headers": _pairs(table, "headers", _HEADER, _OUR_HEADERS),
        "query": _pairs(table, "query", _PARAMETER, frozenset()),
        "timeouts": _timeouts(table),
    }
    return {key: value for key, value in said.items() if value is not None}


def _read_own(table: Table) -> dict[str, object]:
    """What only a deployment says."""
    return {
        "model": table.text("upstream_model") or None,
        "max_in_flight": table.whole("max_in_flight") if table.has("max_in_flight") else None,
        "can_resume": table.truth("can_resume"),
        "price_is_ceiling": table.truth("price_is_ceiling"),
    }


def _word(table: Table, key: str, words: type[_Word]) -> _Word | None:
    return table.choice(key, next(iter(words))) if table.has(key) else None


def _address(table: Table) -> str | None:
    written = table.raw("base_url")
    if written is None:
        return None
    # Never quoted: whoever puts a password into an address should not find it in a log as well.
    if not isinstance(written, str) or not written or not written.isascii() or not written.isprintable():
        table.complain("base_url", "must be an address in printable ASCII")
        return None
    if len(written) > _LONGEST_ADDRESS:
        table.complain("base_url", f"must have at most {_LONGEST_ADDRESS} characters")
        return None
    return written


def _keys(table: Table) -> tuple[str, ...] | None:
    written = table.entries("keys")
    if written is None:
        return None
    keys = []
    for at, key in enumerate(written):
        if not isinstance(key, str) or not is_key_reference(key):
            table.complain(
                f"keys[{at}]", "must refer to a key as env:NAME or file:NAME; a key itself never stands here"
            )
        elif key in keys:
            table.complain(f"keys[{at}]", f"{key} stands twice")
        else:
            keys.append(key)
    return tuple(keys)


def _quirks(table: Table) -> frozenset[Quirk] | None:
    if not table.has("quirks"):
        return None
    known = {quirk.value: quirk for quirk in Quirk}
    named = table.names("quirks")
    for name in sorted(name for name in named if name and name not in known):
        table.complain("quirks", f"{name!r} is none of {', '.join(known)}")
    return frozenset(known[name] for name in named if name in known)


def _pairs(table: Table, key: str, names: re.Pattern[str], ours: frozenset[str]) -> Mapping[str, str] | None:
    """A table of names and texts, none of them secret."""
    pairs = table.table(key)
    if pairs is None:
        return None
    found = {}
    for name, value in pairs.items():
        if not names.fullmatch(name):
            pairs.complain("", "a name has characters that it may not have")
        elif name.lower() in _SECRET_NAMES:
            pairs.complain(name, "would be a secret; write a reference under `keys`")
        elif name.lower() in ours:
            pairs.complain(name, "is set by the server itself")
        elif (
            not isinstance(value, str) or not value.isascii() or not value.isprintable() or len(value) > _LONGEST_VALUE
        ):
            pairs.complain(name, f"must be at most {_LONGEST_VALUE} printable ASCII characters")
        else:
            found[name] = value
    return found


def _timeouts(table: Table) -> Mapping[str, float] | None:
    written = table.table("timeouts")
    if written is None:
        return None
    read = {
        field.name: written.span(f"{field.name}_seconds", maximum=LONGEST_TIMEOUT_SECONDS)
        for field in dataclasses.fields(Timeouts)
    }
    written.finish()
    return {name: seconds for name, seconds in read.items() if seconds is not None}
