"""Settings: one tree of frozen dataclasses, read once at start from a file, the environment and the command line.

The command line and the composition root enter here; everyone below is handed the values it uses. Nothing here opens a
resource, and no other room reads the environment.
"""

from atp_grpc.config.document import document, dump
from atp_grpc.config.environment import process_environment
from atp_grpc.config.fields import Secret
from atp_grpc.config.loader import ConfigurationError, load
from atp_grpc.config.settings import (
    AuthSettings,
    CatalogSettings,
    ClientSettings,
    EngineSettings,
    IdempotencySettings,
    KeySettings,
    LearningSettings,
    OpsSettings,
    PolicySettings,
    ServerSettings,
    Settings,
    StoreSettings,
    TelemetrySettings,
)

__all__ = [
    "AuthSettings",
    "CatalogSettings",
    "ClientSettings",
    "ConfigurationError",
    "EngineSettings",
    "IdempotencySettings",
    "KeySettings",
    "LearningSettings",
    "OpsSettings",
    "PolicySettings",
    "Secret",
    "ServerSettings",
    "Settings",
    "StoreSettings",
    "TelemetrySettings",
    "document",
    "dump",
    "load",
    "process_environment",
]
