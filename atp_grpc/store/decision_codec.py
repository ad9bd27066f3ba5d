"""A decision as a compact record of bytes, and back.

Whoever offers a decision to be kept enters here, and every store that reads one; a writer in another language writes
exactly these bytes. It never judges a value, and never writes a byte that is not described below.

Everything is little-endian and unaligned. A *text* is its length in bytes (u16) and its UTF-8 bytes. A record is, in
this order and with nothing between or after:

    offset  type         what
    0       2 bytes      the mark: 0x44 ("D"), then the version of this layout, 0x02
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
    164     n x f64      expected quality, by candidate
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

Version 0x01 is the same without hold and dual prices: the candidates begin at 140. It is read as if these were 0, and
never written.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from itertools import chain

from atp_grpc.domain.decision import (
    Candidate,
    Decision,
    DualPrices,
    Expectation,
    Lesson,
    ReasonCode,
    Revisions,
    Target,
)
from atp_grpc.domain.money import TokenPrices
from atp_grpc.domain.request import FeatureVector, Weights
from atp_grpc.store.contract import DecisionRecord
from atp_grpc.store.texts import packed, unpacked

MARK = b"D\x02"
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
_REASONS = {number: code for code, number in REASON_NUMBERS.items()}

_HEADER = struct.Struct("<2sHHBBIqqQddddddqqqqqqqqdd")
_HEADERS = {b"D\x01": struct.Struct("<2sHHBBIqqQddddddqqqqqqq"), MARK: _HEADER}
_UNKNOWN = (0, 0.0, 0.0)
"""Hold and dual prices in a record of the first version."""
_NO_PRICE = -1
_LESSON_TEXTS = 9
_TARGET_TEXTS = 3
_KEPT = 4096


class DamagedDecisionError(ValueError):
    """The bytes are not a decision of this layout: cut, changed, or written by something else."""


def record_of(decision: Decision) -> DecisionRecord:
    """A decision on its way to a store."""
    lesson = decision.lesson
    return DecisionRecord(lesson.tenant, lesson.decision_id, lesson.decided_nanos, encode_decision(decision))


def encode_decision(decision: Decision) -> bytes:
    """A decision as a record.

    Raises:
        struct.error: something has no room, such as a text of more than 65,535 bytes; the door lets none of it in.
    """
    lesson, candidates, labels = decision.lesson, decision.candidates, decision.labels
    features, prices, revisions = lesson.features, lesson.prices, lesson.revisions
    codes = bytes([REASON_NUMBERS[code] for code in decision.reason_codes])
    header = _HEADER.pack(
        MARK,
        len(candidates),
        decision.chosen,
        len(codes),
        len(labels),
        len(features.values),
        lesson.decided_nanos,
        lesson.expires_nanos,
        decision.seed,
        lesson.propensity,
        lesson.predicted_mean,
        lesson.predicted_linear,
        lesson.input_tokens,
        decision.weights.cost,
        decision.weights.latency,
        prices.input,
        prices.output,
        _NO_PRICE if prices.cached_input is None else prices.cached_input,
        _NO_PRICE if prices.reasoning is None else prices.reasoning,
        revisions.policy_version,
        revisions.catalog,
        revisions.learner,
        lesson.hold_nano_usd,
        *decision.dual_prices,
    )
    targets, expected, utilities, propensities = zip(*candidates, strict=True)
    columns = _columns(len(candidates)).pack(*chain(*zip(*expected, strict=True), utilities, propensities))
    texts = (
        lesson.tenant,
        lesson.decision_id,
        revisions.policy,
        features.schema_id,
        lesson.model,
        lesson.deployment,
        decision.engine,
        decision.task_type,
        decision.session_id,
    )
    return b"".join(
        [
            header,
            columns,
            features.values,
            codes,
            *map(packed, texts),
            *map(_target, targets),
            *map(packed, chain.from_iterable(labels.items())),
        ]
    )


def decode_decision(record: bytes) -> Decision:
    """The inverse of `encode_decision`.

    Raises:
        DamagedDecisionError: the bytes are not a record.
    """
    try:
        return _decode(record)
    except (struct.error, UnicodeDecodeError, KeyError) as fault:
        raise DamagedDecisionError(f"not the record of a decision ({type(fault).__name__})") from fault


def _decode(record: bytes) -> Decision:
    header = _HEADERS.get(bytes(record[: len(MARK)]))
    if header is None:
        raise DamagedDecisionError("not the record of a decision, or one of another version")
    (
        _,
        count,
        chosen,
        code_count,
        label_count,
        feature_bytes,
        decided,
        expires,
        seed,
        propensity,
        mean,
        linear,
        input_tokens,
        cost_weight,
        latency_weight,
        input_price,
        output_price,
        cached_price,
        reasoning_price,
        policy_version,
        catalog,
        learner,
        *later,
    ) = header.unpack_from(record)
    if chosen >= count:
        raise DamagedDecisionError("the chosen candidate is not in the record")
    column = _columns(count)
    numbers = column.unpack_from(record, header.size)
    features_at = header.size + column.size
    codes_at = features_at + feature_bytes
    texts_at = codes_at + code_count
    texts, end = unpacked(record, texts_at, _LESSON_TEXTS + _TARGET_TEXTS * count + 2 * label_count)
    if end != len(record):
        raise DamagedDecisionError("the record of a decision has another length than it says")
    tenant, decision_id, policy, schema_id, model, deployment, engine, task_type, session_id = texts[:_LESSON_TEXTS]
    names = iter(texts[_LESSON_TEXTS:])
    targets = [Target(next(names), next(names), next(names)) for _ in range(count)]
    hold_nano_usd, *dual_prices = later or _UNKNOWN
    quality, cost, latency, failure, utility, share = (numbers[at : at + count] for at in range(0, 6 * count, count))
    return Decision(
        lesson=Lesson(
            tenant=tenant,
            decision_id=decision_id,
            decided_nanos=decided,
            expires_nanos=expires,
            model=model,
            deployment=deployment,
            features=FeatureVector(schema_id, bytes(record[features_at:codes_at])),
            propensity=propensity,
            predicted_mean=mean,
            predicted_linear=linear,
            input_tokens=input_tokens,
            prices=TokenPrices(
                input=input_price,
                output=output_price,
                cached_input=None if cached_price == _NO_PRICE else cached_price,
                reasoning=None if reasoning_price == _NO_PRICE else reasoning_price,
            ),
            revisions=Revisions(policy, policy_version, catalog, learner),
            hold_nano_usd=hold_nano_usd,
        ),
        candidates=tuple(
            map(Candidate, targets, map(Expectation, quality, cost, latency, failure), utility, share),
        ),
        chosen=chosen,
        seed=seed,
        weights=Weights(cost_weight, latency_weight),
        reason_codes=tuple([_REASONS[number] for number in record[codes_at:texts_at]]),
        engine=engine,
        task_type=task_type,
        session_id=session_id,
        labels=dict(zip(names, names, strict=True)),
        dual_prices=DualPrices(*dual_prices),
    )


@lru_cache(_KEPT)
def _target(target: Target) -> bytes:
    # The same few targets stand in every decision of a catalogue.
    return b"".join(map(packed, target))


@lru_cache(_KEPT)
def _columns(count: int) -> struct.Struct:
    return struct.Struct(f"<{count}d{count}q{4 * count}d")
