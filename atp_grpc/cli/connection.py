"""From options and settings to a connected client, and from its refusals to sentences.

Every command that calls a server enters here. A refusal ends the command with status 1; a target or key that cannot
be used ends it with status 2 before anything is sent.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from atp_grpc.cli.answer import REFUSED, CommandFailed, unusable
from atp_grpc.cli.quantities import read_span
from atp_grpc.cli.settings import settings_of
from atp_grpc.client import AtpCallError, AtpClient, InsecureTargetError, MalformedCredentialError

Result = TypeVar("Result")
NANOS_PER_SECOND = 1_000_000_000


def add_connection_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options that say which server to call, and how."""
    group = parser.add_argument_group("connection")
    group.add_argument("--target", metavar="HOST:PORT", help="server to call (default: ATP_TARGET, or 127.0.0.1:7443)")
    group.add_argument("--key", metavar="KEY", help="credential; ATP_KEY is better, other users can read options")
    group.add_argument("--deadline", metavar="SPAN", type=read_span, help="longest time to wait, for example 5s")
    group.add_argument("--secure", action="store_true", help="use TLS")
    group.add_argument(
        *("--ca", "--root-certificates"),
        metavar="FILE",
        help="PEM certificates to trust (default: ATP_CLIENT_CA_PATH, or the machine's own); implies --secure",
    )
    group.add_argument(
        "--allow-insecure", action="store_true", help="send the key in clear text to another machine all the same"
    )


def ask(options: argparse.Namespace, story: Callable[[AtpClient], Awaitable[Result]]) -> Result:
    """Runs a story with a client that is connected as the options and settings say.

    Raises:
        CommandFailed: The options cannot be used, or the server refused.
    """
    settings = settings_of(target=options.target, key=options.key, ca=options.ca).client
    deadline_seconds = settings.deadline_seconds if options.deadline is None else options.deadline / NANOS_PER_SECOND
    root_certificates = _read_certificates(settings.ca_path)

    async def connected() -> Result:
        async with AtpClient.open(
            settings.target,
            credential=settings.key,
            secure=options.secure or settings.secure or root_certificates is not None,
            root_certificates=root_certificates,
            allow_insecure=options.allow_insecure,
            deadline_seconds=deadline_seconds,
            # Whoever types a command means this server, in whatever state it is.
            watches_health=False,
        ) as atp:
            return await story(atp)

    try:
        return asyncio.run(connected())
    except InsecureTargetError as error:
        raise unusable(f"{error} (--secure, --ca FILE, or --allow-insecure)") from None
    except MalformedCredentialError as error:
        raise unusable(str(error)) from None
    except AtpCallError as error:
        raise refused(error, target=settings.target, has_key=bool(settings.key)) from None


def refused(error: AtpCallError, *, target: str, has_key: bool) -> CommandFailed:
    """What to say of a refusal: a sentence with its reason, then one for each detail."""
    sentences = [f"{error.message} ({error.reason or error.code})"]
    if not error.reason and error.code == "UNAVAILABLE":
        sentences = [f"no server answers at {target} ({error.code})", error.message]
    if not error.reason and error.code == "DEADLINE_EXCEEDED":
        sentences = [f"{target} did not answer in time ({error.code})"]
    sentences.extend(f"{violation.field}: {violation.description}" for violation in error.violations)
    sentences.extend(f"{one.subject}: {one.description} ({one.type})" for one in error.preconditions)
    if error.resource is not None:
        sentences.append(f"{error.resource.type}: {error.resource.name}")
    if error.retry_after_seconds is not None:
        sentences.append(f"worth another try in {error.retry_after_seconds:g} s")
    if error.reason == "CREDENTIAL_REFUSED" and not has_key:
        sentences.append("no key was given; set ATP_KEY, or use --key")
    if error.trace_id:
        sentences.append(f"trace {error.trace_id}")
    return CommandFailed(REFUSED, sentences, {"error": _document(error)})


def _document(error: AtpCallError) -> dict[str, object]:
    return {
        "code": error.code,
        "reason": error.reason,
        "message": error.message,
        "metadata": error.metadata,
        "violations": [{"field": one.field, "description": one.description} for one in error.violations],
        "preconditions": [
            {"type": one.type, "subject": one.subject, "description": one.description} for one in error.preconditions
        ],
        "resource": {"type": error.resource.type, "name": error.resource.name} if error.resource else None,
        "retry_after_seconds": error.retry_after_seconds,
        "trace_id": error.trace_id,
    }


def _read_certificates(path: str) -> bytes | None:
    if not path:
        return None
    try:
        certificates = Path(path).read_bytes()
    except OSError as error:
        raise unusable(f"the root certificates cannot be read: {path}: {error.strerror}") from None
    if b"-----BEGIN CERTIFICATE-----" not in certificates:
        raise unusable(f"there is no PEM certificate in {path}")
    return certificates
