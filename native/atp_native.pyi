"""Private face of the Rust engine; `atp_grpc.engine.native` is its only reader. Nothing is stable but CONTRACT."""

from collections.abc import Mapping
from typing import Final, final

CONTRACT: Final[int]
__version__: Final[str]

type _Parameters = tuple[
    str, str, int, float, float, str, float, float, float, float, int | None, str, float, float, float
]
type _Arm = tuple[str, float, float, float, float]
type _Offer = tuple[int, int, int]
type _Query = tuple[
    int,
    tuple[int, ...],
    int,
    int,
    float,
    float,
    float,
    str | None,
    bytes | None,
    float | None,
    float | None,
    float | None,
    float | None,
]
type _Outcome = tuple[
    str,
    str,
    int,
    int,
    int,
    bytes,
    float | None,
    float | None,
    float | None,
    bool | None,
    float | None,
    float | None,
]
type _ArmSummary = tuple[str, float, float, float, float, float, float]

class NativeError(Exception):
    args: tuple[str, str]
