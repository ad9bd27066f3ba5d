"""The settings themselves: one dataclass per section; type, default, rule and sentence of each field stand together.

Constructors below `app` take the values they use, never these classes. Nothing here reads a file or the environment.
"""

# ruff: noqa: RUF009 - `setting` returns a dataclass field, made anew for each class.
from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from atp_grpc.config.fields import Secret, setting
from atp_grpc.domain.policy import TEXT_DIMENSION, TEXT_SCHEMA
from atp_grpc.domain.tenant import Permission
from atp_grpc.engine.contract import ContextMode, Learner

_DAY = 86_400.0
_YEAR = 366 * _DAY
_LARGEST_PORT = 65_535
_WORD = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """The gRPC listener."""

    host: str = setting("Address the gRPC server binds to.", "127.0.0.1", pattern=r"\S+")
    port: int = setting("Port of the gRPC server; 0 takes a free one.", 7443, minimum=0, maximum=_LARGEST_PORT)
    behind_proxy: bool = setting("Whether a proxy makes a loopback listener reachable from elsewhere.", default=False)
    default_deadline_seconds: float = setting(
        "Deadline of a call that comes without one.", 30.0, minimum=0.001, maximum=3600
    )
    max_deadline_seconds: float = setting("Longest deadline; a longer one is cut.", 60.0, minimum=0.001, maximum=3600)
    max_concurrent_streams: int = setting("Most calls in flight on one connection.", 256, minimum=1, maximum=1_000_000)
    max_metadata_bytes: int = setting("Most bytes of metadata in one call.", 16_384, minimum=1024, maximum=1_048_576)
    keepalive_seconds: float = setting("Idle time before a connection is probed.", 60.0, minimum=1, maximum=_DAY)
    keepalive_timeout_seconds: float = setting(
        "Time a probed connection has to answer before it is closed.", 20.0, minimum=1, maximum=3600
    )
    shutdown_seconds: float = setting("Most time from the first signal to the end.", 30.0, minimum=0.1, maximum=3600)
    drain_delay_seconds: float = setting(
        "Time to go on serving after health turned NOT_SERVING, so that balancers notice.",
        0.5,
        minimum=0,
        maximum=600,
        profile_defaults={"prod": 5.0},
    )
    reflection: Literal["auto", "on", "off"] = setting(
        "Server reflection; auto: on in the dev profile and on a loopback listener without a proxy.", "auto"
    )


@dataclass(frozen=True, slots=True)
class OpsSettings:
    """The HTTP listener of `/metrics`, `/livez` and `/readyz`."""

    host: str = setting("Address the ops server binds to.", "127.0.0.1", pattern=r"\S+")
    port: int = setting(
        "Port of the ops server; 0 takes a free one, -1 turns it off.", 7444, minimum=-1, maximum=_LARGEST_PORT
    )


@dataclass(frozen=True, slots=True)
class CatalogSettings:
    """The catalogue file."""

    path: str = setting("Catalogue file; empty: the built-in demonstration catalogue.", "")
    watch_interval_seconds: float = setting("Time between two looks at the file.", 1.0, minimum=0.01, maximum=3600)


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Where observations and decisions are kept."""

    kind: Literal["sqlite", "memory"] = setting(
        "sqlite keeps them in DATA_DIR/atp.db; memory forgets them when the process ends.", "sqlite"
    )


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Which selection engine decides."""

    kind: Literal["auto", "native", "reference"] = setting(
        "auto: the native engine where it is installed, the reference engine elsewhere.", "auto"
    )


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """The routing policy `default`."""

    cost_weight: float = setting("Quality given up for one cost scale of money.", 0.1, minimum=0, maximum=1e6)
    latency_weight: float = setting("Quality given up for one latency scale of time.", 0.0, minimum=0, maximum=1e6)
    learner: Learner = setting("How uncertainty turns into exploration.", Learner.THOMPSON)
    scale: float = setting(
        "Posterior widths in one standard deviation of a Thompson draw.", 0.03, minimum=0, maximum=1e6
    )
    alpha: float = setting("Posterior widths that LinUCB adds to the mean.", 0.05, minimum=0, maximum=1e6)
    epsilon: float = setting("Share of choices drawn from the exploration distribution.", 0.01, minimum=0, maximum=1)
    slope_precision: float = setting(
        "Prior precision of each feature's slope; more means more shrinkage to the mean.",
        1.0,
        minimum=1e-9,
        maximum=1e9,
    )
    half_life_seconds: float = setting(
        "Age at which an observation counts half; 0: observations never fade.",
        0.0,
        maximum=100 * _YEAR,
        least_above_zero=1,
    )
    context: ContextMode = setting(
        "Whether features may move a prediction; auto: once they prove to help.", ContextMode.AUTO
    )
    feature_schema: str = setting(
        "Names the features a request may bring; flags.v1 is computed from text.", TEXT_SCHEMA, pattern=_WORD
    )
    feature_dimension: int = setting("Numbers in a feature vector.", TEXT_DIMENSION, minimum=1, maximum=512)
    cost_scale_usd: float = setting(
        "US dollars that one cost weight stands for; 0: the dearest model's nominal request.",
        0.0,
        maximum=1e6,
        least_above_zero=1e-9,
    )
    latency_scale_seconds: float = setting(
        "Seconds that one latency weight stands for; 0: the slowest model's believed latency.",
        0.0,
        maximum=1e6,
        least_above_zero=1e-6,
    )


@dataclass(frozen=True, slots=True)
class KeySettings:
    """One API key. The file holds a digest; the key itself is nowhere."""

    id: str = setting("The key's id, its third part.", pattern=r"[A-Za-z0-9]{1,32}")
    tenant: str = setting("The tenant that the key speaks for.", pattern=_WORD)
    digest: str = setting("HMAC-SHA256 of the key's secret under DATA_DIR/pepper, in hex.", pattern=r"[0-9a-f]{64}")
    permissions: tuple[Permission, ...] = setting("What the key allows.", minimum=1)


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """Who may call."""

    keys: tuple[KeySettings, ...] = setting("The API keys.", ())


@dataclass(frozen=True, slots=True)
class LearningSettings:
    """Observations, and how long what they need is kept."""

    checkpoint_interval_seconds: float = setting(
        "Time between two learner checkpoints.", 30.0, minimum=0.1, maximum=_DAY
    )
    token_ttl_seconds: float = setting("Life of a feedback token.", 7 * _DAY, minimum=1, maximum=_YEAR)
    outcome_retention_seconds: float = setting(
        "Time a reported field is remembered, so that it teaches once.", 8 * _DAY, minimum=1, maximum=_YEAR
    )
    decision_retention_seconds: float = setting("Time a decision can be read.", 8 * _DAY, minimum=1, maximum=_YEAR)
    discard_damaged_checkpoint: bool = setting(
        "Whether to learn anew from the stored observations when the checkpoint is damaged, not refuse to start.",
        default=False,
    )
    decision_queue: int = setting("Most decisions waiting to be written.", 8192, minimum=1, maximum=10_000_000)
    observation_queue: int = setting("Most observations waiting to be durable.", 4096, minimum=1, maximum=10_000_000)
    ledger_size: int = setting("Most recent decisions kept in memory.", 8192, minimum=1, maximum=10_000_000)


@dataclass(frozen=True, slots=True)
class IdempotencySettings:
    """Request ids and the answers they got."""

    ttl_seconds: float = setting("Time an answer can be had again.", 600.0, minimum=1, maximum=30 * _DAY)
    ids_per_tenant: int = setting("Most live request ids of one tenant.", 100_000, minimum=1, maximum=100_000_000)
    bytes_per_tenant: int = setting("Most bytes of answers kept for one tenant.", 16_777_216, minimum=1, maximum=2**40)


@dataclass(frozen=True, slots=True)
class TelemetrySettings:
    """Logs."""

    log_level: Literal["debug", "info", "warning", "error"] = setting("Least level that is logged.", "info")
    success_logs_per_second: float = setting(
        "Most log lines a second for calls that succeed; errors are always logged.", 10.0, minimum=0, maximum=1e6
    )


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """What the command line connects to."""

    target: str = setting("Server to call.", "127.0.0.1:7443", pattern=r"\S+", environment="ATP_TARGET")
    key: Secret = setting("API key to call with.", Secret(), environment="ATP_KEY")
    deadline_seconds: float = setting("Deadline of one call.", 10.0, minimum=0.001, maximum=3600)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set."""

    profile: Literal["dev", "ci", "prod"] = setting("Which defaults hold and which dependencies are required.", "dev")
    data_dir: Path = setting("Folder of the database, the keys and the checkpoints; made with mode 0700.", Path(".atp"))
    server: ServerSettings = field(default_factory=ServerSettings)
    ops: OpsSettings = field(default_factory=OpsSettings)
    catalog: CatalogSettings = field(default_factory=CatalogSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    engine: EngineSettings = field(default_factory=EngineSettings)
    policy: PolicySettings = field(default_factory=PolicySettings)
    auth: AuthSettings = field(default_factory=AuthSettings)
    learning: LearningSettings = field(default_factory=LearningSettings)
    idempotency: IdempotencySettings = field(default_factory=IdempotencySettings)
    telemetry: TelemetrySettings = field(default_factory=TelemetrySettings)
    client: ClientSettings = field(default_factory=ClientSettings)
