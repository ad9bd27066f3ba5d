r"""A prior as one file: what an engine learned from outcomes of elsewhere, at the weight that one row of them deserves.

`atp prior build` writes it, a server reads it when it is imported, and the learner takes its state in. Pure functions
from values to bytes and back: reading never trusts a byte, and nothing here touches an engine or a store.

Layout (numbers little-endian)::

    8 bytes    magic, b"ATPPRI1\n"
    4 bytes    length of the header, unsigned
    header     canonical JSON: UTF-8, keys sorted, separators "," and ":"
    state      a checkpoint as `engine/checkpoint` lays it out, scaled to the row weight
    32 bytes   SHA-256 of everything before; in hex it is the prior's name

Header keys: ``cost_scale_nano_usd`` (null where nothing costs), ``models`` (ascending), ``row_weight``, ``rows``,
``spending`` (pairs of price and mean cost), ``trials`` (pairs of row weight and loss; empty when the weight was given).
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import math
import struct
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Self

from atp_grpc.engine.checkpoint import Checkpoint, decode, encode
from atp_grpc.engine.contract import CorruptCheckpointError, EngineParameters

MAGIC: Final = b"ATPPRI1\n"
MOST_ROWS: Final = 10**9
MOST_NUMBER: Final = 1e24
_LENGTH: Final = struct.Struct("<I")
_DIGEST_BYTES: Final = hashlib.sha256().digest_size
_MARK_DIGITS: Final = 16
_KEYS: Final = frozenset({"cost_scale_nano_usd", "models", "row_weight", "rows", "spending", "trials"})


class PriorFault(ValueError):
    """Bytes that are no prior: truncated, altered or foreign."""


class Trial(NamedTuple):
    """A row weight that was tried, and its loss where rows were held back; less is better."""

    row_weight: float
    loss: float


class Spend(NamedTuple):
    """What greedy choices cost on the prior's rows, in nano-US-dollars a request, at a weight of the cost scale."""

    price: float
    mean_cost_nano_usd: float


@dataclass(frozen=True, slots=True)
class PriorHeader:
    """What a prior says of itself.

    One row counts `row_weight` outcomes; `trials` tell how that was found, and are empty when it was given. `spending`
    has rising prices, in parts of `cost_scale_nano_usd`; both are absent where nothing costs.
    """

    models: tuple[str, ...]
    rows: int
    row_weight: float
    trials: tuple[Trial, ...] = ()
    cost_scale_nano_usd: float | None = None
    spending: tuple[Spend, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Plain values under the keys of the file."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: Any) -> Self:
        """Reads what `as_json` wrote and JSON carried.

        Raises:
            PriorFault: it holds what nobody writes.
        """
        if not isinstance(values, dict) or values.keys() != _KEYS:
            raise PriorFault("the header is not that of a prior")
        models, scale = values["models"], values["cost_scale_nano_usd"]
        if not isinstance(models, list) or not models or not all(isinstance(model, str) for model in models):
            raise PriorFault("the header names no models")
        if type(values["rows"]) is not int or not 0 < values["rows"] <= MOST_ROWS:
            raise PriorFault("the header counts no rows")
        if not _is_number(values["row_weight"]) or values["row_weight"] == 0:
            raise PriorFault("the header has no row weight")
        if scale is not None and (not _is_number(scale) or scale == 0):
            raise PriorFault("the header has no cost scale")
        spending = tuple(Spend(*pair) for pair in _pairs(values["spending"]))
        if any(later.price <= earlier.price for earlier, later in itertools.pairwise(spending)):
            raise PriorFault("the prices of the header do not rise")
        trials = tuple(Trial(*pair) for pair in _pairs(values["trials"]))
        return cls(tuple(models), values["rows"], values["row_weight"], trials, scale, spending)

    def first_price(self, ceiling_nano_usd: float, *, cost_weight: float, cost_scale_nano_usd: float) -> float:
        """The dual price with which a ceiling on the mean cost of a request begins; 0 where it does not bind.

        It is in quality for each ceiling of money, as `tenancy/pacing` counts: the least that, on top of the cost
        weight, holds what greedy choices on the prior's rows cost to the ceiling. Between the known prices logarithms
        decide; the greatest of them is given if none is enough.

        Args:
            ceiling_nano_usd: nano-US-dollars a request.
            cost_weight: what the policy takes per cost scale already.
            cost_scale_nano_usd: the policy's own cost scale.
        """
        if self.cost_scale_nano_usd is None or not self.spending:
            return 0.0
        needed = _least_price(self.spending, ceiling_nano_usd) / self.cost_scale_nano_usd
        return max(needed - cost_weight / cost_scale_nano_usd, 0.0) * ceiling_nano_usd


@dataclass(frozen=True, slots=True)
class Prior:
    """A header and the state it describes, an engine-neutral checkpoint of the header's models."""

    header: PriorHeader
    state: bytes


def encode_prior(prior: Prior) -> bytes:
    """The bytes of a prior. Equal priors give equal bytes."""
    header = _canonical(prior.header.as_json())
    body = MAGIC + _LENGTH.pack(len(header)) + header + prior.state
    return body + hashlib.sha256(body).digest()


def decode_prior(data: bytes) -> Prior:
    """The prior in the bytes.

    Raises:
        PriorFault: they are not exactly what `encode_prior` writes.
        CheckpointMismatchError: a sound prior, whose state was written for another contract of engines.
    """
    start = len(MAGIC) + _LENGTH.size
    if len(data) < start + _DIGEST_BYTES or not data.startswith(MAGIC):
        raise PriorFault("this is no prior")
    body, digest = data[:-_DIGEST_BYTES], data[-_DIGEST_BYTES:]
    if hashlib.sha256(body).digest() != digest:
        raise PriorFault("the prior is damaged or cut short: its digest does not match")
    (length,) = _LENGTH.unpack_from(body, len(MAGIC))
    text, state = body[start : start + length], body[start + length :]
    try:
        header = PriorHeader.from_json(json.loads(text))
        models = decode(state).arms
    except CorruptCheckpointError as error:
        raise PriorFault(f"the state of the prior cannot be used: {error}") from None
    except (ValueError, RecursionError) as error:
        raise error if isinstance(error, PriorFault) else PriorFault("the header is no JSON") from None
    if _canonical(header.as_json()) != text or header.models != tuple(sorted(models)):
        raise PriorFault("the header is not that of the state")
    return Prior(header, state)


def digest_of(data: bytes) -> str:
    """The name of a prior, 64 hexadecimal digits: the digest that ends its bytes."""
    return data[-_DIGEST_BYTES:].hex()


def mark_of(digest: str) -> str:
    """Under which replica's name the outcomes of a prior stand in a state, so that none is taken in twice."""
    return f"prior:{digest[:_MARK_DIGITS]}"


def fitted(prior: Prior, digest: str, parameters: EngineParameters) -> bytes:
    """The prior's state as a part of the engine with these parameters, to be merged with what that one knows.

    Raises:
        CheckpointMismatchError: another schema, dimension or half-life.
    """
    state: Checkpoint = dataclasses.replace(decode(prior.state), pool=parameters.pool)
    state.require(parameters)
    return encode(dataclasses.replace(state, high_water={mark_of(digest): state.learned}))


def _least_price(spending: tuple[Spend, ...], ceiling_nano_usd: float) -> float:
    within = next((at for at, spend in enumerate(spending) if spend.mean_cost_nano_usd <= ceiling_nano_usd), None)
    if within is None:
        return spending[-1].price
    if within == 0:
        return spending[0].price
    below, above = spending[within - 1], spending[within]
    # Costs above a ceiling are above 0; where no price or no cost can be had a logarithm of, the safe one is taken.
    if below.price <= 0 or above.mean_cost_nano_usd <= 0 or ceiling_nano_usd <= 0:
        return above.price
    way = math.log(below.mean_cost_nano_usd / ceiling_nano_usd) / math.log(
        below.mean_cost_nano_usd / above.mean_cost_nano_usd
    )
    return below.price * math.exp(way * math.log(above.price / below.price))


def _pairs(value: object) -> list[tuple[float, float]]:
    if not isinstance(value, list):
        raise PriorFault("the header has no list where it must")
    pairs = []
    for pair in value:
        match pair:
            case [first, second] if _is_number(first) and _is_number(second):
                pairs.append((float(first), float(second)))
            case _:
                raise PriorFault("the header has no pair of numbers where it must")
    return pairs


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MOST_NUMBER


def _canonical(header: dict[str, object]) -> bytes:
    return json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
