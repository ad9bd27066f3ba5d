"""`atp adapter check`: whether a running adapter keeps every promise, as a table. Reads no settings of the server."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from atp_grpc.adapter.conformance import Finding, Outcome
from atp_grpc.adapter.conformance.adapters import examine_adapter
from atp_grpc.cli.answer import OK, REFUSED, Answer, CommandFailed, Line, Sheet, unusable
from atp_grpc.cli.printing import add_json_option
from atp_grpc.providers.contract import ProviderFault


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describes the command's options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    check = actions.add_parser(
        "check",
        help="call an adapter as a server would, and tell which promises it keeps",
        description="Makes a few dozen small calls to an adapter, which its model bills as any other, and tells which "
        "promises it keeps. The exit status is 1 when it breaks one.",
        allow_abbrev=False,
    )
    check.add_argument("target", metavar="TARGET", help="HOST:PORT without TLS, or https://HOST:PORT")
    check.add_argument("--model", metavar="NAME", default="", help="which of its models (default: the first it tells)")
    check.add_argument("--key-file", metavar="FILE", help="file with the key that the adapter asks for")
    check.add_argument("--ca", metavar="FILE", help="PEM certificates to trust in place of the machine's own")
    add_json_option(check)


def run(options: argparse.Namespace) -> Answer:
    """Checks the adapter.

    Raises:
        CommandFailed: it does not answer, or has no such model.
    """
    key = _read(options.key_file).decode(errors="replace").strip() if options.key_file else ""
    root_certificates = _read(options.ca) if options.ca else None
    try:
        findings = asyncio.run(
            examine_adapter(options.target, model=options.model, key=key, root_certificates=root_certificates)
        )
    except ProviderFault as fault:
        sentence = f"the adapter at {options.target} was not checked: {fault}"
        raise CommandFailed(
            REFUSED, [sentence], {"error": {"kind": fault.kind.value, "status": fault.status}}
        ) from None
    failed = sum(finding.outcome is Outcome.FAILED for finding in findings)
    return Answer(
        document={"target": options.target, "failed": failed, "checks": [_document(finding) for finding in findings]},
        parts=[
            Sheet("Promises", ("check", "outcome", "what was found"), findings),
            Line(f"{failed} of {len(findings)} checks failed" if failed else "no check failed"),
        ],
        exit_status=REFUSED if failed else OK,
    )


def _document(finding: Finding) -> dict[str, str]:
    return {"check": finding.check, "outcome": finding.outcome.value, "said": finding.said}


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise unusable(f"{path} cannot be read: {error.strerror}") from None
