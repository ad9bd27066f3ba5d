"""Settings: one tree of frozen dataclasses, read once at start from a file, the environment and the command line.

The command line and the composition root enter here; everyone below is handed the values it uses. Nothing here opens a
resource, and no other room reads the environment.
"""

from atp_grpc.config.asking import AskSettings, ChaosSettings
from atp_grpc.config.document import document, dump
from atp_grpc.config.environment import keep_litellm_offline, process_environment, quiet_grpc
from atp_grpc.config.fields import Secret
from atp_grpc.config.listening import OpsSettings, ServerSettings, TlsSettings
from atp_grpc.config.loader import ConfigurationError, load
from atp_grpc.config.policies import NamedPolicySettings, PolicySettings
from atp_grpc.config.rules import is_loopback
from atp_grpc.config.settings import (
    AdmissionSettings,
    AuthSettings,
    CatalogSettings,
    ClientSettings,
    EngineSettings,
    HealthSettings,
    IdempotencySettings,
    KeySettings,
    LearningSettings,
    Settings,
    StoreSettings,
    TelemetrySettings,
)

__all__ = [
    "AdmissionSettings",
    "AskSettings",
    "AuthSettings",
    "CatalogSettings",
    "ChaosSettings",
    "ClientSettings",
    "ConfigurationError",
    "EngineSettings",
    "HealthSettings",
    "IdempotencySettings",
    "KeySettings",
    "LearningSettings",
    "NamedPolicySettings",
    "OpsSettings",
    "PolicySettings",
    "Secret",
    "ServerSettings",
    "Settings",
    "StoreSettings",
    "TelemetrySettings",
    "TlsSettings",
    "document",
    "dump",
    "is_loopback",
    "keep_litellm_offline",
    "load",
    "process_environment",
    "quiet_grpc",
]
