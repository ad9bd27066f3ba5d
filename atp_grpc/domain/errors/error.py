"""The root of everything that can be refused, and the details it may carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """A field of the request that breaks a rule, by its path in the message."""

    field: str
    description: str


@dataclass(frozen=True, slots=True)
class PreconditionViolation:
    """A condition that does not hold: its type, what it concerns, and a sentence."""

    type: str
    subject: str
    description: str


@dataclass(frozen=True, slots=True)
class Resource:
    """What was looked for and not found."""

    type: str
    name: str


class AtpError(Exception):
    """Base of everything ATP refuses. Subclasses set `reason`; constructors take what varies."""

    reason: ClassVar[str]

    def __init__(
        self,
        message: str,
        *,
        metadata: Mapping[str, str] | None = None,
        violations: Sequence[FieldViolation] = (),
        preconditions: Sequence[PreconditionViolation] = (),
        resource: Resource | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.metadata = dict(metadata or {})
        self.violations = tuple(violations)
        self.preconditions = tuple(preconditions)
        self.resource = resource
        self.retry_after_seconds = retry_after_seconds

    def kept(self) -> Self:
        """The error as a value among others. Whoever keeps one in place of raising it keeps this.

        The trace of an error holds the frames it passed, they hold their callers, and one of those holds the list with
        the error: a circle around the whole request, for which the collector seldom comes by.
        """
        return self.with_traceback(None)
