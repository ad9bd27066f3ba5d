"""`atp key new`: a key for a tenant, shown once, and what the server's configuration needs to know of it.

It writes nothing but the pepper of a data directory that has none yet, and calls no server.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from atp_grpc.cli.answer import Answer, Line, Verbatim, unusable
from atp_grpc.cli.printing import add_json_option
from atp_grpc.cli.settings import settings_of
from atp_grpc.cli.toml_text import toml_text
from atp_grpc.domain.tenant import Permission
from atp_grpc.secrets.contract import SecretsError
from atp_grpc.secrets.credentials import digest, new_key
from atp_grpc.secrets.files import open_secrets

_USUAL = (Permission.ROUTE, Permission.OBSERVE, Permission.READ_DECISIONS)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describes the command's options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    summary = "make a key, print it once, and print the stanza for the server's configuration"
    new = actions.add_parser("new", help=summary, description=f"{summary.capitalize()}.", allow_abbrev=False)
    new.add_argument("--tenant", metavar="NAME", required=True, help="whom the key speaks for")
    new.add_argument(
        "--permission",
        choices=[permission.value for permission in Permission],
        action="append",
        help=f"what it allows (repeatable; default: {', '.join(_USUAL)})",
    )
    new.add_argument("--config", metavar="FILE", type=Path, help="the server's settings")
    new.add_argument("--data-dir", metavar="DIRECTORY", help="the server's data directory; its pepper is needed")
    new.add_argument("--profile", help="dev, ci or prod; becomes part of the key")
    add_json_option(new)


def run(options: argparse.Namespace) -> Answer:
    """Makes a key."""
    permissions = list(dict.fromkeys(options.permission or _USUAL))
    entry = {"id": "unmade", "tenant": options.tenant, "digest": "0" * 64, "permissions": permissions}
    # The settings judge the entry before anything is made, by the rules the server will judge it by.
    settings = settings_of(
        options.config, {"auth.keys": json.dumps([entry])}, data_dir=options.data_dir, profile=options.profile
    )
    try:
        pepper = open_secrets(settings.data_dir).pepper
    except SecretsError as error:
        raise unusable(str(error)) from None
    credential = new_key(settings.profile)
    entry |= {"id": credential.key_id, "digest": digest(pepper, credential.secret)}
    key = credential.text()
    return Answer(
        document={"key": key, "stanza": entry},
        parts=[
            Line(key),
            Line("Keep the key safe: it is shown this once. Add this to the server's configuration and restart it:"),
            Verbatim(toml_text({"auth": {"keys": [entry]}})),
        ],
    )
