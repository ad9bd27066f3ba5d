"""The layout of a decision's record, version by version: where each value stands and which number stands for a word.

Whoever writes or reads such a record enters here (`store.decision_codec`, and in Rust `native/src/scribe/record.rs`).
It never reads or writes one itself.

Everything is little-endian and unaligned. A *text* is its length in bytes (u16) and its UTF-8 bytes. A record is, in
this order and with nothing between or after:

    offset  type         what
    0       2 bytes      the mark: 0x44 ("D"), then the version of this layout, 0x03
    2       u16          n, how many candidates
    4       u16          the position of the chosen one, below n
    6       u8           r, how many reason codes
    7       u8           m, how many labels
    8       u32          f, how many bytes of feature values
    12      i64          decided: Unix nanoseconds
    20      i64          expires: Unix nanoseconds
    28      u64          seed
    36      f64          propensity of the draw
    44      f64          quality predicted by the plain mean
    52      f64          quality predicted by the linear model
    60      f64          input tokens
    68      f64          weight of cost
    76      f64          weight of latency
    84      i64          price of input, nano-US-dollars per million tokens
    92      i64          price of output
    100     i64          price of cached input, -1 when there is none
    108     i64          price of reasoning, -1 when there is none
    116     i64          version of the policy
    124     i64          revision of the catalogue
    132     i64          revision of the learner
    140     i64          hold: what was set aside for the call, nano-US-dollars
    148     f64          dual price of the cost ceiling
    156     f64          dual price of the quality floor
    164     i64          price of writing the provider's cache, -1 when there is none
    172     f64          scale of cost, nano-US-dollars; 0 when it is not known, and the scale of latency neither
    180     f64          scale of latency, seconds
    188     f64          favour: by how much the utility of the favoured candidate was raised
    196     u16          the position of the favoured candidate, 0xffff when there is none
    198     u32          how many bytes of texts by candidate
    202     u32          how many bytes of refusals
    206     n x f64      expected quality, by candidate
            n x i64      expected cost, nano-US-dollars
            n x f64      expected latency, seconds
            n x f64      expected failure rate
            n x f64      utility
            n x f64      propensity
            f bytes      the feature values as they are
            r bytes      the reason codes, in order: their numbers in `atp.v1.ReasonCode`
            9 texts      tenant, decision id, policy, feature schema, model, deployment, engine, task type, session id
            3n texts     model, deployment, provider, by candidate
            2m texts     key, value, by label
            n bytes      why each candidate was set aside: a number in `atp.v1.RefusalCause`, 0 when it was not
            refusals     of the models that were no candidates; each: u8, the cause; texts model, deployment, provider

Version 0x02 ends with the labels, and is the same without what stands between 164 and 206. Version 0x01 is version 0x02
without hold and dual prices: the candidates begin at 140. They are read as if there were no price of writing the cache,
the hold were 0 and so were dual prices, and the rest were not known; and never written.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Final

from atp_grpc.domain.decision import ReasonCode, RefusalCause

MARK = b"D\x03"
REASON_NUMBERS = {
    ReasonCode.ONLY_CANDIDATE: 1,
    ReasonCode.EXPLORED: 2,
    ReasonCode.CONTEXT_USED: 3,
    ReasonCode.QUALITY_FLOOR_UNMET: 4,
    ReasonCode.LATENCY_SLO_UNMET: 5,
    ReasonCode.COST_CEILING_PRESSED: 6,
    ReasonCode.QUALITY_FLOOR_PRESSED: 7,
    ReasonCode.STAYED: 8,
}
"""What stands for a reason code; once written, a number is never given to another."""

REFUSAL_NUMBERS = {
    RefusalCause.NOT_ALLOWED: 1,
    RefusalCause.DENIED: 2,
    RefusalCause.DRAINING: 3,
    RefusalCause.SHADOW: 4,
    RefusalCause.DEPRECATED: 5,
    RefusalCause.CAPABILITY: 6,
    RefusalCause.CONTEXT_LENGTH: 7,
    RefusalCause.REGION: 8,
    RefusalCause.DATA_SCOPE: 9,
    RefusalCause.NO_PRICE: 10,
    RefusalCause.NO_DEPLOYMENT: 11,
    RefusalCause.MAX_COST: 12,
    RefusalCause.QUALITY_FLOOR: 13,
    RefusalCause.LATENCY_SLO: 14,
    RefusalCause.BUDGET: 15,
    RefusalCause.EXPLORATION_CAP: 16,
    RefusalCause.NO_ENDPOINT: 17,
    RefusalCause.BREAKER_OPEN: 18,
    RefusalCause.KEYS_RESTING: 19,
    RefusalCause.NOT_SERVING: 20,
}
"""What stands for the cause of a refusal; once written, a number is never given to another."""

HEADER = struct.Struct("<2sHHBBIqqQddddddqqqqqqqqddqdddHII")
BEGINNING = struct.Struct("<2sHHBBIq")
COLUMN_BYTES = 48
"""What the columns take for each candidate."""
NO_PRICE = -1
NOBODY = 0xFFFF
NOT_NOTED = -1
"""In place of the length of what an earlier version has not got, or has got without its length."""
_UNKNOWN = (0.0, 0.0, 0.0, NOBODY, NOT_NOTED, NOT_NOTED)
HEADERS: Final[dict[bytes, tuple[struct.Struct, tuple[float, ...]]]] = {
    b"D\x01": (struct.Struct("<2sHHBBIqqQddddddqqqqqqq"), (0, 0.0, 0.0, NO_PRICE, *_UNKNOWN)),
    b"D\x02": (struct.Struct("<2sHHBBIqqQddddddqqqqqqqqdd"), (NO_PRICE, *_UNKNOWN)),
    MARK: (HEADER, ()),
}
"""The header of each version, and what is taken for that which had no place in it yet."""


@lru_cache(1024)
def columns(count: int) -> struct.Struct:
    """The numbers of so many candidates, column by column."""
    return struct.Struct(f"<{count}d{count}q{4 * count}d")
