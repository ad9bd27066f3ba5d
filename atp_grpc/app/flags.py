"""What the flags of this process are.

The composition root makes one and hands `is_on` to whoever has a feature to switch. It knows no feature itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from atp_grpc.domain.flags import Flag


class Flags:
    """The flags, each at its default until an operator switches it."""

    def __init__(self, *on_switch: Callable[[Flag, bool], None], off: Iterable[Flag] = ()) -> None:
        """Each of `on_switch` hears of every flag that was changed, after it was."""
        self._on_switch = on_switch
        self._off = {flag for flag in Flag if not flag.default_on} | set(off)

    def is_on(self, flag: Flag) -> bool:
        """Whether a feature is on."""
        return flag not in self._off

    def switch(self, flag: Flag, *, on: bool) -> None:
        """Switches a feature; what it is already changes nothing."""
        if self.is_on(flag) is on:
            return
        (self._off.discard if on else self._off.add)(flag)
        for hear in self._on_switch:
            hear(flag, on)
