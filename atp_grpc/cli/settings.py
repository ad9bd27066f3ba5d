"""From options to settings: the configuration file, `--set`, and the flags that have a setting of their own.

Commands that serve, check or connect enter here. It never reads the environment itself; `config` does.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from atp_grpc.cli.answer import unusable
from atp_grpc.cli.quantities import read_pair
from atp_grpc.config import ConfigurationError, Settings, load, process_environment

_FLAGS = {
    "profile": "profile",
    "data_dir": "data_dir",
    "port": "server.port",
    "ops_port": "ops.port",
    "catalog": "catalog.path",
    "target": "client.target",
    "key": "client.key",
    "ca": "client.ca_path",
}
"""Option names, and the setting that each one sets."""


def add_settings_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options that say which settings to use: defaults < file < environment < these."""
    group = parser.add_argument_group("settings")
    group.add_argument("--config", metavar="FILE", type=Path, help="TOML file to read settings from")
    group.add_argument("--profile", help="dev, ci or prod")
    group.add_argument("--data-dir", metavar="DIRECTORY", help="where the database, keys and checkpoints live")
    group.add_argument("--port", metavar="PORT", help="gRPC port; 0 takes a free one")
    group.add_argument("--ops-port", metavar="PORT", help="port of /metrics, /livez and /readyz; -1 turns it off")
    group.add_argument("--catalog", metavar="FILE", help="catalogue of providers, models, deployments and prices")
    group.add_argument(
        "--set",
        metavar="SECTION.FIELD=VALUE",
        type=read_pair,
        action="append",
        default=[],
        help="any other setting, for example policy.cost_weight=0.2; `atp config doc` lists them all",
    )


def chosen_settings(options: argparse.Namespace) -> Settings:
    """The settings that the options of `add_settings_options` ask for.

    Raises:
        CommandFailed: The configuration is not usable; every complaint is told.
    """
    flags = {name: getattr(options, name) for name in ("profile", "data_dir", "port", "ops_port", "catalog")}
    return settings_of(options.config, dict(options.set), **flags)


def settings_of(path: Path | None = None, overrides: dict[str, str] | None = None, /, **flags: str | None) -> Settings:
    """Settings of this process. Flags win over `overrides`, which name settings as `section.field`.

    Raises:
        CommandFailed: The configuration is not usable; every complaint is told.
    """
    given = {_FLAGS[name]: value for name, value in flags.items() if value is not None}
    try:
        return load(path, process_environment(), {**(overrides or {}), **given})
    except ConfigurationError as error:
        raise unusable("the configuration cannot be used", *error.complaints) from None
