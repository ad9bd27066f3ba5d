"""Flags: at their defaults until switched, and whoever listens hears of changes only."""

from __future__ import annotations

from atp_grpc.app.flags import Flags
from atp_grpc.domain.flags import Flag


def test_every_flag_starts_at_its_default_and_says_what_it_switches() -> None:
    flags = Flags(lambda _flag, _on: None)
    assert [flags.is_on(flag) for flag in Flag] == [flag.default_on for flag in Flag]
    assert all(flag.description.endswith(".") for flag in Flag)


def test_a_switch_is_heard_of_once_and_changes_no_other_flag() -> None:
    heard: list[tuple[Flag, bool]] = []
    flags = Flags(lambda flag, on: heard.append((flag, on)))
    for on in (False, False, True, True):
        flags.switch(Flag.ASK_CACHE, on=on)
        assert flags.is_on(Flag.ASK_CACHE) is on
        assert flags.is_on(Flag.ASK)
    assert heard == [(Flag.ASK_CACHE, False), (Flag.ASK_CACHE, True)]
