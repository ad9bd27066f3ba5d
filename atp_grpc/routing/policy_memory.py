"""What a store remembers of the policies that were made over the API, so that a process goes on where one ended.

The policy book enters here with every change, and the rooms at start. It judges no policy and puts none in force.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from atp_grpc.domain.policy import Origin, RoutingPolicy, table_of, terms_of
from atp_grpc.store.contract import Store, StoreFailure

_FACT = "policies.api"


@dataclass(frozen=True, slots=True)
class Entry:
    """A policy with the version before, to which it can be taken back."""

    policy: RoutingPolicy
    previous: RoutingPolicy | None = None


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the store remembers: how often anything was changed, the entries, and the last versions of what is gone.

    A policy that is made again under the name of a deleted one goes on counting, so that a logged version is never
    another's.
    """

    revision: int
    entries: Mapping[str, Entry]
    deleted: Mapping[str, int]


async def remember(store: Store, remembered: Remembered) -> None:
    """Writes it down.

    Raises:
        StoreFailure: it could not be.
    """
    await store.write_fact(_FACT, _written(remembered))


async def read_remembered(store: Store) -> Remembered:
    """The policies that were made over the API, as the store remembers them.

    Raises:
        StoreFailure: they cannot be read.
    """
    written = await store.read_fact(_FACT)
    if written is None:
        return Remembered(0, {}, {})
    try:
        table = json.loads(written)
        entries = {name: Entry(_policy(one["policy"]), _before(one)) for name, one in table["entries"].items()}
        return Remembered(table["revision"], entries, table["deleted"])
    except (KeyError, TypeError, ValueError) as damage:
        raise StoreFailure("what it remembers of the policies is damaged") from damage


def _written(remembered: Remembered) -> str:
    entries = {
        name: {"policy": _table(entry.policy), "previous": entry.previous and _table(entry.previous)}
        for name, entry in remembered.entries.items()
    }
    return json.dumps({"revision": remembered.revision, "entries": entries, "deleted": dict(remembered.deleted)})


def _table(policy: RoutingPolicy) -> dict[str, Any]:
    return {
        "name": policy.name,
        "version": policy.version,
        "cost_scale_nano_usd": policy.cost_scale_nano_usd,
        "latency_scale_seconds": policy.latency_scale_seconds,
        "terms": table_of(policy.terms),
    }


def _policy(table: Mapping[str, Any]) -> RoutingPolicy:
    return RoutingPolicy(**{**table, "terms": terms_of(table["terms"]), "origin": Origin.API})


def _before(entry: Mapping[str, Any]) -> RoutingPolicy | None:
    return None if entry["previous"] is None else _policy(entry["previous"])
