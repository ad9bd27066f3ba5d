"""Writing observations down in Rust, in the bytes of `observation_codec`.

The composition root picks it beside the native engine. What fails here is written by the codec itself; it never reads
a record.
"""

from __future__ import annotations

from collections.abc import Callable

from atp_grpc.domain.outcome import Observation
from atp_grpc.store.observation_codec import ERROR_NUMBERS, encode_observation

try:
    import atp_native
except ImportError:
    atp_native = None  # type: ignore[assignment]


def native_encoder(on_fault: Callable[[BaseException], None]) -> Callable[[Observation], bytes]:
    """Does what `encode_observation` does; `on_fault` hears of what failed.

    Like it, raises `struct.error` for what has no room.
    """
    errors = sorted(ERROR_NUMBERS, key=ERROR_NUMBERS.__getitem__)
    write = atp_native.ObservationWriter(errors).record

    def encode(observation: Observation) -> bytes:
        try:
            return write(observation)
        except (atp_native.NativeError, OverflowError, UnicodeEncodeError, TypeError) as fault:
            record = encode_observation(observation)
            on_fault(fault)
            return record

    return encode
