"""One call as the rooms behind the door see it: who, until when, under which trace."""

from __future__ import annotations

from typing import NamedTuple

from atp_grpc.domain.tenant import Principal

Note = str | bool | int | float


class Call(NamedTuple):
    """A call that passed the door. `deadline` is on `Clock.monotonic`; `attempt` counts the client's earlier tries."""

    method: str
    principal: Principal
    deadline: float
    trace_id: str
    attempt: int = 0
    is_traced: bool = False
    """Whether a span tells of the call's one request; what only that would show need not be noted otherwise."""
    notes: dict[str, Note] | None = None
    """Where `note` writes; None where nobody reads it."""
    arrived: float = 0.0
    """When its headers came, on `Clock.monotonic`."""

    @property
    def tenant(self) -> str:
        """The tenant that the credential stands for."""
        return self.principal.tenant

    def note(self, **notes: Note) -> None:
        """Tells the operators about the call, in its log line and its span: names and numbers, never what was sent."""
        if self.notes is not None:
            self.notes.update(notes)
