"""The part of OperationsService that switches features on and off.

What a flag means stands beside it in `domain.flags`; whoever has the feature asks for it. This only lists and switches.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from atp_grpc.domain.call import Call
from atp_grpc.domain.errors import InstanceMismatchError, ResourceNotFoundError
from atp_grpc.domain.flags import Flag
from atp_grpc.pb.atp.admin.v1 import operations_service_pb2 as pb


class Switchboard(Protocol):
    """Keeps the flags of a process."""

    def is_on(self, flag: Flag) -> bool:
        """Whether a feature is on."""
        ...

    def switch(self, flag: Flag, *, on: bool) -> None:
        """Switches a feature."""
        ...


class FlagServicer:
    """Serves ListFlags and SetFlag of `atp.admin.v1.OperationsService`."""

    def __init__(self, *, instance_id: str, flags: Switchboard) -> None:
        self._instance_id = instance_id
        self._flags = flags

    async def list_flags(self, request: pb.ListFlagsRequest, call: Call) -> pb.ListFlagsResponse:
        """Returns every flag, by name."""
        return pb.ListFlagsResponse(
            instance_id=self._instance_id, flags=[_told(flag, self._flags.is_on) for flag in sorted(Flag)]
        )

    async def set_flag(self, request: pb.SetFlagRequest, call: Call) -> pb.SetFlagResponse:
        """Switches one."""
        if request.instance_id and request.instance_id != self._instance_id:
            raise InstanceMismatchError(self._instance_id)
        try:
            flag = Flag(request.name)
        except ValueError:
            raise ResourceNotFoundError("flag", request.name) from None
        self._flags.switch(flag, on=request.on)
        return pb.SetFlagResponse(flag=_told(flag, self._flags.is_on))


def _told(flag: Flag, is_on: Callable[[Flag], bool]) -> pb.Flag:
    return pb.Flag(name=flag.value, description=flag.description, on=is_on(flag), default_on=flag.default_on)
