"""A real server on real sockets for tests: two tenants, its own data folder, free ports."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TextIO

from atp_grpc.app import App, open_app
from atp_grpc.client import AtpClient
from atp_grpc.config import (
    AuthSettings,
    CatalogSettings,
    KeySettings,
    OpsSettings,
    ServerSettings,
    Settings,
)
from atp_grpc.domain.clock import Clock
from atp_grpc.domain.tenant import Permission
from atp_grpc.secrets.credentials import digest, new_key
from atp_grpc.secrets.files import open_secrets

ACME, GLOBEX = "acme", "globex"
ALL = tuple(Permission)


@dataclasses.dataclass(frozen=True)
class Serving:
    """A running server with a client for each tenant."""

    app: App
    target: str
    acme: AtpClient
    globex: AtpClient
    credentials: dict[str, str]


def key_for(data_dir: Path, tenant: str, permissions: tuple[Permission, ...] = ALL) -> tuple[str, KeySettings]:
    """A fresh credential and the settings that let it in."""
    key = new_key("test")
    pepper = open_secrets(data_dir).pepper
    return key.text(), KeySettings(key.key_id, tenant, digest(pepper, key.secret), permissions)


def settings_for(data_dir: Path, keys: tuple[KeySettings, ...], **sections: object) -> Settings:
    """Settings of a test server; sections replace the defaults."""
    defaults: dict[str, object] = {
        "server": ServerSettings(port=0, drain_delay_seconds=0.0, shutdown_seconds=5.0),
        "ops": OpsSettings(port=0),
        "auth": AuthSettings(keys),
        "catalog": CatalogSettings(),
    }
    return Settings(profile="ci", data_dir=data_dir, **{**defaults, **sections})  # type: ignore[arg-type]


@asynccontextmanager
async def serving(
    data_dir: Path,
    *,
    clock: Clock | None = None,
    log_stream: TextIO | None = None,
    root_certificates: bytes | None = None,
    **sections: object,
) -> AsyncIterator[Serving]:
    """Starts a server, opens both tenants' clients, and closes everything at the end.

    The clients come over TLS when they are given certificates to trust.
    """
    acme_credential, acme_key = key_for(data_dir, ACME)
    globex_credential, globex_key = key_for(data_dir, GLOBEX)
    settings = settings_for(data_dir, (acme_key, globex_key), **sections)
    async with AsyncExitStack() as stack:
        app = await stack.enter_async_context(open_app(settings, clock=clock, log_stream=log_stream))
        target = f"127.0.0.1:{app.door.grpc_port}"
        is_secure = root_certificates is not None
        acme, globex = [
            await stack.enter_async_context(
                AtpClient.open(target, credential=credential, secure=is_secure, root_certificates=root_certificates)
            )
            for credential in (acme_credential, globex_credential)
        ]
        yield Serving(app, target, acme, globex, {ACME: acme_credential, GLOBEX: globex_credential})
