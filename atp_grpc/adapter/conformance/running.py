"""Runs every check on a subject and tells what was found.

The command line and the conformance suite enter here. A check that fails, hangs or breaks never keeps the others from
running.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import NamedTuple

from atp_grpc.adapter.conformance import answers, failing, leaving
from atp_grpc.adapter.conformance.subject import NotApplicable, Subject
from atp_grpc.providers.contract import ProviderFault

LONGEST_CHECK_SECONDS = 60.0
Check = Callable[[Subject], Awaitable[str]]


class Outcome(enum.StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    LEFT_OUT = "left out"


class Finding(NamedTuple):
    """What one check found: its sentence, how it ended, and what is wrong or why it was left out."""

    check: str
    outcome: Outcome
    said: str = ""


def checks_of(subject: Subject) -> Mapping[str, Check]:
    """Every check of a subject by its sentence."""
    checks: dict[str, Check] = {_sentence(check.__name__): check for check in (*answers.CHECKS, *leaving.CHECKS)}
    for kind in subject.failing:
        checks[f"fault is {kind.value}"] = partial(failing.fault_has_its_kind, kind=kind)
    return checks


async def examine(subject: Subject, also: Mapping[str, Check] | None = None) -> list[Finding]:
    """Runs every check, one after the other; `also` are further ones."""
    checks: Iterable[tuple[str, Check]] = {**checks_of(subject), **(also or {})}.items()
    return [await found(name, check, subject) for name, check in checks]


async def found(name: str, check: Check, subject: Subject) -> Finding:
    """Runs one check."""
    try:
        async with asyncio.timeout(LONGEST_CHECK_SECONDS):
            wrong = await check(subject)
    except NotApplicable as why:
        return Finding(name, Outcome.LEFT_OUT, str(why))
    except TimeoutError:
        return Finding(name, Outcome.FAILED, f"it did not end within {LONGEST_CHECK_SECONDS:g} s")
    except ProviderFault as fault:
        return Finding(name, Outcome.FAILED, f"the call failed: {fault}")
    except Exception as error:  # noqa: BLE001 - what a stranger's provider raises is a finding, too.
        return Finding(name, Outcome.FAILED, f"it raised {type(error).__name__}, which is no ProviderFault")
    return Finding(name, Outcome.FAILED if wrong else Outcome.PASSED, wrong)


def _sentence(name: str) -> str:
    return name.replace("_", " ")
