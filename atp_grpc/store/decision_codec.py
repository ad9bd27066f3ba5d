"""A decision as a compact record of bytes, laid out as `store.decision_layout` says, and back.

Whoever offers a decision to be kept enters here, and every store that reads one; a writer in another language writes
exactly these bytes. It never judges a value, and never writes a byte that the layout does not describe.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import lru_cache
from itertools import chain

from atp_grpc.domain.decision import (
    Candidate,
    Decision,
    DualPrices,
    Expectation,
    Lesson,
    Refusal,
    RefusalCause,
    Revisions,
    Scales,
    Target,
)
from atp_grpc.domain.money import TokenPrices
from atp_grpc.domain.request import FeatureVector, Weights
from atp_grpc.store.contract import DecisionRecord
from atp_grpc.store.decision_layout import (
    BEGINNING,
    COLUMN_BYTES,
    HEADER,
    HEADERS,
    MARK,
    NO_PRICE,
    NOBODY,
    NOT_NOTED,
    REASON_NUMBERS,
    REFUSAL_NUMBERS,
    columns,
)
from atp_grpc.store.texts import packed, passed, unpacked

_REASONS = {number: code for code, number in REASON_NUMBERS.items()}
_CAUSES = {number: cause for cause, number in REFUSAL_NUMBERS.items()}
_CAUSES_OR_NONE: dict[int, RefusalCause | None] = {0: None, **_CAUSES}
_CAUSE_BYTES = {cause: bytes([number]) for cause, number in REFUSAL_NUMBERS.items()}
_LESSON_TEXTS = 9
_TARGET_TEXTS = 3
_KEPT = 1024


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
    targets, expected, utilities, propensities = zip(*candidates, strict=True)
    names = b"".join(map(_target, targets))
    refusals = encode_refusals(decision.refusals)
    cost_scale, latency_scale = decision.scales or (0.0, 0.0)
    favoured = decision.favoured
    header = HEADER.pack(
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
        NO_PRICE if prices.cached_input is None else prices.cached_input,
        NO_PRICE if prices.reasoning is None else prices.reasoning,
        revisions.policy_version,
        revisions.catalog,
        revisions.learner,
        lesson.hold_nano_usd,
        *decision.dual_prices,
        NO_PRICE if prices.cache_write_input is None else prices.cache_write_input,
        cost_scale,
        latency_scale,
        decision.favour,
        favoured if favoured is not None and 0 <= favoured < len(candidates) else NOBODY,
        len(names),
        len(refusals),
    )
    figures = columns(len(candidates)).pack(*chain(*zip(*expected, strict=True), utilities, propensities))
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
            figures,
            features.values,
            codes,
            *map(packed, texts),
            names,
            *map(packed, chain.from_iterable(labels.items())),
            bytes([0 if cause is None else REFUSAL_NUMBERS[cause] for cause in decision.set_aside]).ljust(
                len(candidates), b"\0"
            ),
            refusals,
        ]
    )


def encode_refusals(refusals: Iterable[Refusal]) -> bytes:
    """Refusals as they stand in a record; when to come again is not in it."""
    return b"".join([_CAUSE_BYTES[refusal.cause] + _target(refusal.target) for refusal in refusals])


def decode_decision(record: bytes) -> Decision:
    """The inverse of `encode_decision`.

    Raises:
        DamagedDecisionError: the bytes are not a record.
    """
    try:
        return _decode(record)
    except (struct.error, UnicodeDecodeError, KeyError) as fault:
        raise DamagedDecisionError(f"not the record of a decision ({type(fault).__name__})") from fault


def glanced(records: bytes, start: int = 0) -> tuple[int, int]:
    """When a decision was made (Unix nanoseconds), and where the text of its tenant begins; nothing else is read.

    Args:
        records: holds the record of the decision.
        start: where in it that begins.

    Raises:
        DamagedDecisionError: what begins there is not a record.
    """
    try:
        mark, count, _, codes, _, feature_bytes, decided = BEGINNING.unpack_from(records, start)
        header, _ = HEADERS[mark]
    except (struct.error, KeyError) as fault:
        raise DamagedDecisionError(f"not the record of a decision ({type(fault).__name__})") from fault
    return decided, start + header.size + COLUMN_BYTES * count + feature_bytes + codes


def _decode(record: bytes) -> Decision:
    header, missing = HEADERS.get(bytes(record[: len(MARK)]), (None, ()))
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
        hold_nano_usd,
        cost_price,
        quality_price,
        cache_write_price,
        cost_scale,
        latency_scale,
        favour,
        favoured,
        names_bytes,
        refusals_bytes,
    ) = header.unpack_from(record) + missing
    if chosen >= count or count <= favoured < NOBODY:
        raise DamagedDecisionError("the chosen candidate, or the favoured one, is not in the record")
    column = columns(count)
    numbers = column.unpack_from(record, header.size)
    features_at = header.size + column.size
    codes_at = features_at + feature_bytes
    texts_at = codes_at + code_count
    (tenant, decision_id, policy, schema_id, model, deployment, engine, task_type, session_id), names_at = unpacked(
        record, texts_at, _LESSON_TEXTS
    )
    is_noted = names_bytes != NOT_NOTED
    labels_at = names_at + names_bytes if is_noted else passed(record, names_at, _TARGET_TEXTS * count)
    words, causes_at = unpacked(record, labels_at, 2 * label_count)
    refusals_at = causes_at + count if is_noted else causes_at
    if refusals_at + (refusals_bytes if is_noted else 0) != len(record):
        raise DamagedDecisionError("the record of a decision has another length than it says")
    causes = record[causes_at:refusals_at]
    targets = _targets(bytes(record[names_at:labels_at]), count)
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
                cached_input=None if cached_price == NO_PRICE else cached_price,
                reasoning=None if reasoning_price == NO_PRICE else reasoning_price,
                cache_write_input=None if cache_write_price == NO_PRICE else cache_write_price,
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
        labels=dict(zip(words[::2], words[1::2], strict=True)),
        dual_prices=DualPrices(cost_price, quality_price),
        scales=Scales(cost_scale, latency_scale) if cost_scale else None,
        favoured=None if favoured == NOBODY else favoured,
        favour=favour,
        set_aside=tuple([_CAUSES_OR_NONE[number] for number in causes]) if any(causes) else (),
        refusals=_refusals(bytes(record[refusals_at:])),
    )


@lru_cache(_KEPT)
def _targets(names: bytes, count: int) -> tuple[Target, ...]:
    # The same few candidates stand in most decisions of a catalogue, and texts are most of a record.
    texts, end = unpacked(names, 0, _TARGET_TEXTS * count)
    if end != len(names):
        raise DamagedDecisionError("the names of the candidates have another length than the record says")
    return tuple(map(Target, texts[::3], texts[1::3], texts[2::3]))


@lru_cache(_KEPT)
def _refusals(record: bytes) -> tuple[Refusal, ...]:
    refusals = []
    at = 0
    while at < len(record):
        cause = _CAUSES[record[at]]
        texts, at = unpacked(record, at + 1, _TARGET_TEXTS)
        refusals.append(Refusal(Target(*texts), cause))
    return tuple(refusals)


@lru_cache(_KEPT)
def _target(target: Target) -> bytes:
    # The same few targets stand in every decision of a catalogue.
    return b"".join(map(packed, target))
