"""`atp config`: checks settings, shows those in force, or explains all that exist. It calls no server."""

from __future__ import annotations

import argparse

from atp_grpc.cli.answer import Answer, Line, Verbatim
from atp_grpc.cli.printing import add_json_option
from atp_grpc.cli.settings import add_settings_options, chosen_settings
from atp_grpc.cli.toml_text import toml_text
from atp_grpc.config import document, dump


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describes the three actions and their options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, summary in (
        ("check", "tell everything that is wrong with the settings"),
        ("dump", "print the settings in force, as TOML; secrets are hidden"),
        ("doc", "print every setting with its variable, type, default and meaning, as Markdown"),
    ):
        action = actions.add_parser(name, help=summary, description=f"{summary.capitalize()}.", allow_abbrev=False)
        if name != "doc":
            add_settings_options(action)
        add_json_option(action)


def run(options: argparse.Namespace) -> Answer:
    """Does what the action says."""
    if options.action == "doc":
        page = document()
        return Answer(document={"markdown": page}, parts=[Verbatim(page)])
    tables = dump(chosen_settings(options))
    if options.action == "check":
        return Answer(document={"usable": True}, parts=[Line("the configuration can be used")])
    return Answer(document=tables, parts=[Verbatim(toml_text(tables))])
