"""An observation as a compact record of bytes, and back.

Stores that write bytes enter here. Whose observation it is, which decision it is about and its place in the order are
not in the record: a store keeps those where it can look for them. It never judges a value.

Everything is little-endian and unaligned. A *text* is its length in bytes (u16) and its UTF-8 bytes. A record is, in
this order and with nothing between or after:

    offset  type         what
    0       2 bytes      the mark: 0x4f ("O"), then the version of this layout, 0x03
    2       i64          observed: Unix nanoseconds
    10      i64          decided: Unix nanoseconds
    18      i64          expires: Unix nanoseconds
    26      f64          propensity of the draw
    34      f64          quality predicted by the plain mean
    42      f64          quality predicted by the linear model
    50      f64          input tokens
    58      i64          price of input, nano-US-dollars per million tokens
    66      i64          price of output
    74      i64          price of cached input, -1 when there is none
    82      i64          price of reasoning, -1 when there is none
    90      i64          version of the policy
    98      i64          revision of the catalogue
    106     i64          revision of the learner
    114     u32          f, how many bytes of feature values
    118     i64          hold: what was set aside for the call, nano-US-dollars
    126     i64          price of writing the provider's cache, -1 when there is none
    134     f bytes      the feature values as they are
            4 texts      model, deployment, policy, feature schema
            report       what was recorded
            report       what stood before

A report is:

            u8           1 when there is a quality, else 0
            u8           n, how many attempts
            u16          m, how many labels
            f64          the quality, 0 when there is none
            n attempts   each: u8, bits from the lowest on for each number that is known; u8, the error (its number in
                         `atp.v1.AttemptError`); i64 input, cached input, output and reasoning tokens; i64 cost,
                         nano-US-dollars; f64 latency, seconds; i64 input tokens written to the provider's cache; text
                         model; text deployment. An unknown number is 0.
            2m texts     key, value, by label

Version 0x02 is the same without what writing the cache is about: the feature values begin at 126, and an attempt has no
such tokens. Version 0x01 is version 0x02 without the hold: the feature values begin at 118. They are read as if there
were neither price nor tokens and the hold were 0, and never written.
"""

from __future__ import annotations

import struct
from itertools import chain
from typing import Final

from atp_grpc.domain.decision import Lesson, Revisions
from atp_grpc.domain.money import TokenPrices
from atp_grpc.domain.outcome import Attempt, AttemptError, Observation, Report, Usage
from atp_grpc.domain.request import FeatureVector
from atp_grpc.store.texts import packed, passed, unpacked

MARK = b"O\x03"
ERROR_NUMBERS: dict[AttemptError | None, int] = {
    None: 0,
    AttemptError.RATE_LIMITED: 1,
    AttemptError.TIMEOUT: 2,
    AttemptError.UNAVAILABLE: 3,
    AttemptError.INVALID_REQUEST: 4,
    AttemptError.REFUSED: 5,
    AttemptError.CUT: 6,
    AttemptError.CANCELLED: 7,
}
"""What stands for an error; once written, a number is never given to another."""
_ERRORS = {number: error for error, number in ERROR_NUMBERS.items()}

_HEADER = struct.Struct("<2sqqqddddqqqqqqqIqq")
_FEATURE_BYTES = struct.Struct("<I")
_FEATURE_BYTES_AT = 114
_LESSON_TEXTS = 4
_REPORT = struct.Struct("<BBHd")
_ATTEMPT = struct.Struct("<BBqqqqqdq")
_ATTEMPT_BEFORE = struct.Struct("<BBqqqqqd")
_NO_PRICE = -1
_LAYOUTS: Final[dict[bytes, tuple[struct.Struct, tuple[int, ...], struct.Struct]]] = {
    b"O\x01": (struct.Struct("<2sqqqddddqqqqqqqI"), (0, _NO_PRICE), _ATTEMPT_BEFORE),
    b"O\x02": (struct.Struct("<2sqqqddddqqqqqqqIq"), (_NO_PRICE,), _ATTEMPT_BEFORE),
    MARK: (_HEADER, (), _ATTEMPT),
}
"""The header of each version, what is taken for that which had no place in it yet, and its attempts."""
_COST_AT = 4
"""Where cost and latency stand among the numbers of an attempt; around them stand its tokens."""
_NOTHING = _REPORT.pack(0, 0, 0, 0.0)


class DamagedObservationError(ValueError):
    """The bytes are not an observation of this layout: cut, changed, or written by something else."""


def encode_observation(observation: Observation) -> bytes:
    """An observation as a record.

    Raises:
        struct.error: something has no room, such as a text of more than 65,535 bytes; the door lets none of it in.
    """
    lesson = observation.lesson
    features, prices, revisions = lesson.features, lesson.prices, lesson.revisions
    header = _HEADER.pack(
        MARK,
        observation.observed_nanos,
        lesson.decided_nanos,
        lesson.expires_nanos,
        lesson.propensity,
        lesson.predicted_mean,
        lesson.predicted_linear,
        lesson.input_tokens,
        prices.input,
        prices.output,
        _NO_PRICE if prices.cached_input is None else prices.cached_input,
        _NO_PRICE if prices.reasoning is None else prices.reasoning,
        revisions.policy_version,
        revisions.catalog,
        revisions.learner,
        len(features.values),
        lesson.hold_nano_usd,
        _NO_PRICE if prices.cache_write_input is None else prices.cache_write_input,
    )
    return b"".join(
        (
            header,
            features.values,
            packed(lesson.model),
            packed(lesson.deployment),
            packed(revisions.policy),
            packed(features.schema_id),
            _report_record(observation.recorded),
            _report_record(observation.standing),
        )
    )


def decode_reports(record: bytes) -> tuple[Report, Report]:
    """What stood before an observation and what it recorded; of the rest of its record no more is read than lengths.

    Raises:
        DamagedObservationError: the bytes are not a record.
    """
    layout = _LAYOUTS.get(record[: len(MARK)])
    if layout is None:
        raise DamagedObservationError("not the record of an observation, or one of another version")
    header, _, attempt = layout
    try:
        (feature_bytes,) = _FEATURE_BYTES.unpack_from(record, _FEATURE_BYTES_AT)
        at = passed(record, header.size + feature_bytes, _LESSON_TEXTS)
        recorded, at = _report(record, at, attempt)
        standing, at = _report(record, at, attempt)
    except (struct.error, UnicodeDecodeError, KeyError) as fault:
        raise DamagedObservationError(f"not the record of an observation ({type(fault).__name__})") from fault
    if at != len(record):
        raise DamagedObservationError("the record of an observation has another length than it says")
    return standing, recorded


def decode_observation(record: bytes, *, tenant: str, decision_id: str, replica: str, sequence: int) -> Observation:
    """The inverse of `encode_observation`, given what is kept beside the record.

    Raises:
        DamagedObservationError: the bytes are not a record.
    """
    layout = _LAYOUTS.get(record[: len(MARK)])
    if layout is None:
        raise DamagedObservationError("not the record of an observation, or one of another version")
    header, missing, attempt = layout
    try:
        (
            _,
            observed,
            decided,
            expires,
            propensity,
            mean,
            linear,
            input_tokens,
            input_price,
            output_price,
            cached_price,
            reasoning_price,
            policy_version,
            catalog,
            learner,
            feature_bytes,
            hold_nano_usd,
            cache_write_price,
        ) = header.unpack_from(record) + missing
        texts_at = header.size + feature_bytes
        (model, deployment, policy, schema_id), at = unpacked(record, texts_at, _LESSON_TEXTS)
        recorded, at = _report(record, at, attempt)
        standing, at = _report(record, at, attempt)
    except (struct.error, UnicodeDecodeError, KeyError) as fault:
        raise DamagedObservationError(f"not the record of an observation ({type(fault).__name__})") from fault
    if at != len(record):
        raise DamagedObservationError("the record of an observation has another length than it says")
    lesson = Lesson(
        tenant=tenant,
        decision_id=decision_id,
        decided_nanos=decided,
        expires_nanos=expires,
        model=model,
        deployment=deployment,
        features=FeatureVector(schema_id, record[header.size : texts_at]),
        propensity=propensity,
        predicted_mean=mean,
        predicted_linear=linear,
        input_tokens=input_tokens,
        prices=TokenPrices(
            input=input_price,
            output=output_price,
            cached_input=None if cached_price == _NO_PRICE else cached_price,
            reasoning=None if reasoning_price == _NO_PRICE else reasoning_price,
            cache_write_input=None if cache_write_price == _NO_PRICE else cache_write_price,
        ),
        revisions=Revisions(policy, policy_version, catalog, learner),
        hold_nano_usd=hold_nano_usd,
    )
    return Observation(replica, sequence, lesson, recorded, standing, observed)


def _report_record(report: Report) -> bytes:
    quality, attempts, labels = report.quality, report.attempts, report.labels
    if quality is None and not attempts and not labels:
        return _NOTHING
    return b"".join(
        (
            _REPORT.pack(quality is not None, len(attempts), len(labels), 0.0 if quality is None else quality),
            *map(_attempt_record, attempts),
            *map(packed, chain.from_iterable(labels.items())),
        )
    )


def _attempt_record(attempt: Attempt) -> bytes:
    usage = attempt.usage
    numbers = (
        usage.input_tokens,
        usage.cached_input_tokens,
        usage.output_tokens,
        usage.reasoning_tokens,
        attempt.cost_nano_usd,
        attempt.latency_seconds,
        usage.cache_write_input_tokens,
    )
    known = 0
    for bit, number in enumerate(numbers):
        if number is not None:
            known |= 1 << bit
    return b"".join(
        (
            _ATTEMPT.pack(
                known, ERROR_NUMBERS[attempt.error], *[0 if number is None else number for number in numbers]
            ),
            packed(attempt.model),
            packed(attempt.deployment),
        )
    )


def _report(record: bytes, start: int, layout: struct.Struct) -> tuple[Report, int]:
    has_quality, attempt_count, label_count, quality = _REPORT.unpack_from(record, start)
    start += _REPORT.size
    attempts = []
    for _ in range(attempt_count):
        attempt, start = _attempt(record, start, layout)
        attempts.append(attempt)
    texts, start = unpacked(record, start, 2 * label_count)
    labels = dict(zip(texts[::2], texts[1::2], strict=True))
    return Report(quality if has_quality else None, tuple(attempts), labels), start


def _attempt(record: bytes, start: int, layout: struct.Struct) -> tuple[Attempt, int]:
    known, error, *numbers = layout.unpack_from(record, start)
    figures = [number if known >> bit & 1 else None for bit, number in enumerate(numbers)]
    usage = Usage(*figures[:_COST_AT], *figures[_COST_AT + 2 :])
    (model, deployment), start = unpacked(record, start + layout.size, 2)
    return Attempt(model, deployment, _ERRORS[error], usage, *figures[_COST_AT : _COST_AT + 2]), start
