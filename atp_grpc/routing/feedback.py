"""The feedback token: a sealed `Lesson`, so that any replica can learn from an outcome without a look-up.

Sealed with an authenticated cipher (AES-256-GCM, NIST SP 800-38D) under a key that is named by id and persisted; the
tenant is bound in as associated data, so another tenant's token does not open. The token says nothing to whoever
holds it. One that was sealed before holds were noted (version 1) still opens, and its hold is 0; so does one that was
sealed before writing a provider's cache had a price (versions 1 and 2), and it has none.
"""

from __future__ import annotations

import struct
from typing import Final

from atp_grpc.domain.clock import moment_text
from atp_grpc.domain.decision import Lesson, Revisions
from atp_grpc.domain.errors import TokenExpiredError, TokenInvalidError
from atp_grpc.domain.money import TokenPrices
from atp_grpc.domain.request import FeatureVector
from atp_grpc.secrets.contract import Sealer, SealError

_VERSION = 3
_NO_PRICE = -1
# version, decided, expires, propensity, mean, linear, input tokens, four prices; versions of the policy, the catalogue
# and the learner; hold; price of writing a provider's cache
_FIXED = struct.Struct("<Bqqddddqqqqqqqqq")
_LAYOUTS: Final[dict[int, tuple[struct.Struct, tuple[int, ...]]]] = {
    1: (struct.Struct("<Bqqddddqqqqqqq"), (0, _NO_PRICE)),
    2: (struct.Struct("<Bqqddddqqqqqqqq"), (_NO_PRICE,)),
    _VERSION: (_FIXED, ()),
}
"""What stands before the lengths, by version, and what is taken for that which had no place there yet."""
_LENGTHS = struct.Struct("<6H")


class FeedbackTokens:
    """Seals lessons into tokens and opens tokens into lessons."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def seal(self, lesson: Lesson) -> bytes:
        """A token for a lesson, about 150 bytes plus the features."""
        return self._sealer.seal(_pack(lesson), lesson.tenant.encode())

    def open(self, token: bytes, *, tenant: str, now_nanos: int) -> Lesson:
        """The lesson in a token.

        Raises:
            TokenInvalidError: not a token of this deployment for this tenant.
            TokenExpiredError: it was one, and its time is over.
        """
        try:
            lesson = _unpack(self._sealer.open(token, tenant.encode()), tenant)
        except (SealError, struct.error, ValueError):
            raise TokenInvalidError from None
        if now_nanos >= lesson.expires_nanos:
            raise TokenExpiredError(moment_text(lesson.expires_nanos))
        return lesson


def _pack(lesson: Lesson) -> bytes:
    prices, revisions = lesson.prices, lesson.revisions
    fixed = _FIXED.pack(
        _VERSION,
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
        lesson.hold_nano_usd,
        _NO_PRICE if prices.cache_write_input is None else prices.cache_write_input,
    )
    parts = (
        lesson.decision_id.encode(),
        lesson.model.encode(),
        lesson.deployment.encode(),
        lesson.features.schema_id.encode(),
        revisions.policy.encode(),
        lesson.features.values,
    )
    return b"".join((fixed, _LENGTHS.pack(*map(len, parts)), *parts))


def _unpack(data: bytes, tenant: str) -> Lesson:
    layout, missing = _LAYOUTS.get(int.from_bytes(data[:1]), (None, ()))
    if layout is None:
        raise ValueError("a token of another version")
    (
        _,
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
        hold_nano_usd,
        cache_write_price,
    ) = layout.unpack_from(data) + missing
    lengths = _LENGTHS.unpack_from(data, layout.size)
    start = layout.size + _LENGTHS.size
    if start + sum(lengths) != len(data):
        raise ValueError("a token of another length")
    parts = []
    for length in lengths:
        parts.append(data[start : start + length])
        start += length
    decision_id, model, deployment, schema_id, policy = (part.decode() for part in parts[:5])
    return Lesson(
        tenant=tenant,
        decision_id=decision_id,
        decided_nanos=decided,
        expires_nanos=expires,
        model=model,
        deployment=deployment,
        features=FeatureVector(schema_id, parts[5]),
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
        revisions=Revisions(policy=policy, policy_version=policy_version, catalog=catalog, learner=learner),
        hold_nano_usd=hold_nano_usd,
    )
