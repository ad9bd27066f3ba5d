"""The settings themselves: one dataclass per section; type, default, rule and sentence of each field stand together.

Constructors below `app` take the values they use, never these classes. Nothing here reads a file or the environment.
"""

# ruff: noqa: RUF009 - `setting` returns a dataclass field, made anew for each class.
from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from atp_grpc.config.asking import AskSettings, ChaosSettings
from atp_grpc.config.fields import WORD, Secret, setting
from atp_grpc.config.listening import OpsSettings, ServerSettings, TlsSettings
from atp_grpc.config.policies import NamedPolicySettings, PolicySettings
from atp_grpc.domain.tenant import Permission

_DAY = 86_400.0
_YEAR = 366 * _DAY


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
    native_share: float = setting(
        "Share of the choices that the native engine makes where it is used; the reference engine makes the rest.",
        1.0,
        minimum=0,
        maximum=1,
    )


@dataclass(frozen=True, slots=True)
class KeySettings:
    """One API key. The file holds a digest; the key itself is nowhere."""

    id: str = setting("The key's id, its third part.", pattern=r"[A-Za-z0-9]{1,32}")
    tenant: str = setting("The tenant that the key speaks for.", pattern=WORD)
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
class HealthSettings:
    """The checks behind the health service and the ops port."""

    check_interval_seconds: float = setting(
        "Time between two looks at everything the process depends on.", 2.0, minimum=0.01, maximum=3600
    )
    check_timeout_seconds: float = setting(
        "A check that takes longer is degraded; one that takes five times as long, unhealthy.",
        1.0,
        minimum=0.01,
        maximum=600,
    )
    fall_checks: int = setting(
        "Findings in a row until something worse is believed and a service is taken out.", 3, minimum=1, maximum=100
    )
    rise_checks: int = setting(
        "Findings in a row until something better is believed and a service is back.", 2, minimum=1, maximum=100
    )
    disk_low_bytes: int = setting(
        "Free bytes on the disk of the data folder below which it is degraded.", 1_073_741_824, minimum=0, maximum=2**60
    )
    disk_full_bytes: int = setting(
        "Free bytes on the disk of the data folder below which it is unhealthy.", 67_108_864, minimum=0, maximum=2**60
    )
    max_watches: int = setting(
        "Most watches of the health service open at once; further callers are told to go on without.",
        1024,
        minimum=0,
        maximum=1_000_000,
    )


@dataclass(frozen=True, slots=True)
class TelemetrySettings:
    """Logs, and the watch on the event loop."""

    log_level: Literal["debug", "info", "warning", "error"] = setting("Least level that is logged.", "info")
    success_logs_per_second: float = setting(
        "Most log lines a second for calls that succeed or get OVERLOADED; other errors are always logged.",
        10.0,
        minimum=0,
        maximum=1e6,
    )
    service_name: str = setting("What traces call this server.", "atp", pattern=WORD)
    traces_endpoint: str = setting(
        "Where traces are sent, over OTLP/HTTP, such as http://127.0.0.1:4318; empty: there are none.",
        "",
        pattern=r"(https?://[^\s/@?#]+(/\S*)?)?",
    )
    traces_headers: Secret = setting(
        "Headers for that address, such as a key: NAME=VALUE, several of them with commas between.",
        Secret(),
        pattern=r"([A-Za-z0-9_.-]+=[ -+\--~]+(, *[A-Za-z0-9_.-]+=[ -+\--~]+)*)?",
    )
    traces_compression: Literal["none", "gzip"] = setting("How what is sent there is compressed.", "none")
    trace_ratio: float = setting(
        "Share of the calls without a caller's trace that are traced; with one, the caller decides.",
        0.01,
        minimum=0,
        maximum=1,
    )
    traces_queue: int = setting(
        "Most spans waiting to be sent; more are dropped and counted.", 4096, minimum=1, maximum=1_000_000
    )
    load_reports: bool = setting(
        "Whether callers are told how busy the server is (ORCA): with every answer, and on a stream.", default=True
    )
    load_report_interval_seconds: float = setting(
        "Shortest time between two reports of such a stream.", 30.0, minimum=0.1, maximum=3600
    )
    loop_stall_seconds: float = setting(
        "Time for which the event loop may stand still before it is logged where it stands.",
        0.1,
        minimum=0.01,
        maximum=60,
    )


@dataclass(frozen=True, slots=True)
class AdmissionSettings:
    """What happens when more calls come than can be answered in time."""

    enabled: bool = setting("Whether calls are sent away when too many wait.", default=True)
    target_queue_seconds: float = setting(
        "Longest time a call should wait before the server looks at it.", 0.1, minimum=0.001, maximum=60
    )
    least_calls: int = setting("Calls that may wait however slow the server is.", 64, minimum=1, maximum=1_000_000)
    least_share: float = setting(
        "Share of the calls that is let in however many wait; sending one away costs most of what answering it costs.",
        0.5,
        minimum=0.01,
        maximum=1,
    )


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """What the command line connects to."""

    target: str = setting("Server to call.", "127.0.0.1:7443", pattern=r"\S+", environment="ATP_TARGET")
    secure: bool = setting("Whether to call over TLS.", default=False)
    ca_path: str = setting("PEM file of certificates to trust in place of the machine's own; implies TLS.", "")
    key: Secret = setting("API key to call with.", Secret(), environment="ATP_KEY")
    deadline_seconds: float = setting("Deadline of one call.", 10.0, minimum=0.001, maximum=3600)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set."""

    profile: Literal["dev", "ci", "prod"] = setting("Which defaults hold and which dependencies are required.", "dev")
    data_dir: Path = setting("Folder of the database, the keys and the checkpoints; made with mode 0700.", Path(".atp"))
    server: ServerSettings = field(default_factory=ServerSettings)
    tls: TlsSettings = field(default_factory=TlsSettings)
    ops: OpsSettings = field(default_factory=OpsSettings)
    catalog: CatalogSettings = field(default_factory=CatalogSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    engine: EngineSettings = field(default_factory=EngineSettings)
    policy: PolicySettings = field(default_factory=PolicySettings)
    policies: tuple[NamedPolicySettings, ...] = setting("Routing policies beside `default`.", (), keyed_by="name")
    auth: AuthSettings = field(default_factory=AuthSettings)
    ask: AskSettings = field(default_factory=AskSettings)
    learning: LearningSettings = field(default_factory=LearningSettings)
    idempotency: IdempotencySettings = field(default_factory=IdempotencySettings)
    health: HealthSettings = field(default_factory=HealthSettings)
    telemetry: TelemetrySettings = field(default_factory=TelemetrySettings)
    admission: AdmissionSettings = field(default_factory=AdmissionSettings)
    chaos: ChaosSettings = field(default_factory=ChaosSettings)
    client: ClientSettings = field(default_factory=ClientSettings)
