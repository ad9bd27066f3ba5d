"""The settings of Ask: carrying calls out to providers; and of the faults that may be injected on purpose.

`settings` puts them into the tree; they stand apart because there are many. Nothing here reads a file or the
environment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from atp_grpc.config.fields import setting

_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class AskSettings:
    """Carrying requests out: attempts, money set aside, answers kept."""

    enabled: bool = setting("Whether the server carries requests out, beside deciding for them.", default=True)
    private_targets: tuple[str, ...] = setting(
        "Endpoints, as host:port, that may be in a private network and need no TLS; all others must be public, over "
        "https.",
        (),
        maximum=256,
    )
    key_dir: str = setting(
        "Folder of the providers' keys, one a file of mode 0600; empty: DATA_DIR/provider_keys.", "", pattern=r"[^\0]*"
    )
    max_attempts: int = setting("Most calls to providers for one request.", 3, minimum=1, maximum=16)
    backoff_base_seconds: float = setting(
        "Longest wait before the first call again; it doubles with each.", 0.25, minimum=0.001, maximum=60
    )
    backoff_cap_seconds: float = setting("Longest wait before any call again.", 5.0, minimum=0.001, maximum=600)
    reservation_sigmas: float = setting(
        "Standard deviations of an answer's cost that are set aside on top of its mean, under a budget.",
        2.0,
        minimum=0,
        maximum=10,
    )
    request_ttl_seconds: float = setting(
        "Time a finished answer can be had again by its request id.", _DAY, minimum=1, maximum=30 * _DAY
    )
    replay_buffer_bytes: int = setting(
        "Most bytes of a running answer that are kept for callers who join it.", 1_048_576, minimum=1024, maximum=2**30
    )
    cache_bytes: int = setting(
        "Most bytes of answers in the cache; 0: there is none.", 67_108_864, minimum=0, maximum=2**40
    )
    cache_ttl_seconds: float = setting(
        "Time an answer stays in the cache; longer while it keeps being asked for.",
        3600.0,
        minimum=1,
        maximum=30 * _DAY,
    )
    cache_eviction: Literal["lru", "lfu"] = setting(
        "Whose answer leaves a full cache: the one used longest ago, or least often.", "lru"
    )
    probe_interval_seconds: float = setting(
        "Time between two free calls that ask whether an endpoint is there; 0: none.",
        0.0,
        maximum=3600,
        least_above_zero=1,
    )
    breaker_failures: int = setting(
        "Failures in a row after which a deployment is left alone for a while.", 5, minimum=1, maximum=1000
    )
    breaker_open_seconds: float = setting("How long it is left alone first.", 60.0, minimum=0.1, maximum=3600)


@dataclass(frozen=True, slots=True)
class ChaosSettings:
    """Faults that are injected on purpose."""

    allowed: bool = setting("Whether operators may have faults injected.", default=False)
    allow_in_prod: bool = setting("Whether they may under the profile prod too.", default=False)
