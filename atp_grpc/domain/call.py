"""One call as the rooms behind the door see it: who, until when, under which trace."""

from __future__ import annotations

from dataclasses import dataclass

from atp_grpc.domain.tenant import Principal


@dataclass(frozen=True, slots=True)
class Call:
    """A call that passed the door. `deadline` is on `Clock.monotonic`; `attempt` counts the client's earlier tries."""

    method: str
    principal: Principal
    deadline: float
    trace_id: str
    attempt: int = 0

    @property
    def tenant(self) -> str:
        """The tenant that the credential stands for."""
        return self.principal.tenant
