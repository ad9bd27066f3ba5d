"""`atp chaos`: injects faults into a server process on purpose, shows which, and stops them; and a demonstration.

A server lets itself be treated so only where its settings say `chaos.allowed`. Nothing is judged here.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from google.protobuf.duration_pb2 import Duration

from atp_grpc.cli import wording
from atp_grpc.cli.answer import Answer, Line, Part, Sheet
from atp_grpc.cli.connection import add_connection_options, ask
from atp_grpc.cli.printing import add_json_option
from atp_grpc.cli.quantities import read_share, read_span
from atp_grpc.client import AtpClient
from atp_grpc.client.messages import (
    ChaosCount,
    ChaosFault,
    ChaosRule,
    ChaosTarget,
    GetChaosRequest,
    GetChaosResponse,
    SetChaosRequest,
)

TARGETS = ("provider", "edge", "store", "background")
FAULTS = ("error", "delay", "cut", "stall", "malformed", "rate_limited")
DEMO_SECONDS = 20.0
_COLUMNS = ("target", "fault", "share", "delay", "deployment", "injected")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describes the command's options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _add(actions, "status", "show what is injected, and how often it was")
    given = _add(actions, "set", "inject one fault at a target, in place of what was injected there")
    given.add_argument("place", metavar="TARGET", choices=TARGETS, help=f"where: {', '.join(TARGETS)}")
    given.add_argument("fault", metavar="FAULT", choices=FAULTS, help=f"what: {', '.join(FAULTS)}")
    given.add_argument("--share", metavar="0..1", type=read_share, default=1.0, help="share of the occasions")
    given.add_argument("--delay", metavar="SPAN", type=read_span, help="with delay: how long, for example 200ms")
    given.add_argument("--deployment", metavar="NAME", default="", help="providers: only this deployment")
    given.add_argument("--seed", metavar="N", type=int, help="picks the same occasions again")
    given.add_argument("--instance", metavar="ID", default="", help="the process that is meant (default: who answers)")
    stopped = _add(actions, "stop", "inject nothing any more, at one target or at all")
    stopped.add_argument("place", metavar="TARGET", nargs="?", choices=TARGETS, help="where (default: everywhere)")
    demo = actions.add_parser(
        "demo",
        help="start a server, break things under it, and show that the bill adds up",
        description="Starts a server on a folder of its own, asks it while faults come and go, and checks the books.",
        allow_abbrev=False,
    )
    demo.add_argument("--seconds", metavar="N", type=float, default=DEMO_SECONDS, help="how long (default: 20)")
    demo.add_argument("--seed", metavar="N", type=int, default=1, help="picks the same occasions again")
    add_json_option(demo)


def run(options: argparse.Namespace) -> Answer:
    """Does what the action says."""
    actions: Mapping[str, Callable[[argparse.Namespace], Answer]] = {
        "status": lambda options: _told(ask(options, _status)),
        "set": _set,
        "stop": _stop,
        "demo": _demo,
    }
    return actions[options.action](options)


def _add(actions: Any, name: str, summary: str) -> argparse.ArgumentParser:
    action: argparse.ArgumentParser = actions.add_parser(
        name, help=summary, description=f"{summary.capitalize()}.", allow_abbrev=False
    )
    add_connection_options(action)
    add_json_option(action)
    return action


def _demo(options: argparse.Namespace) -> Answer:
    from atp_grpc.cli.chaos_demo import demonstrate  # noqa: PLC0415 - the other actions need no server in here

    return demonstrate(seconds=options.seconds, seed=options.seed, is_quiet=options.json)


async def _status(atp: AtpClient) -> GetChaosResponse:
    return await atp.operations.get_chaos(GetChaosRequest())


def _set(options: argparse.Namespace) -> Answer:
    rule = ChaosRule(
        target=_target(options.place),
        fault=f"CHAOS_FAULT_{options.fault.upper()}",
        probability=options.share,
        deployment=options.deployment,
    )
    if options.delay is not None:
        rule.delay.FromNanoseconds(options.delay)
    request = SetChaosRequest(
        instance_id=options.instance, target=_target(options.place), rules=[rule], seed=options.seed
    )

    async def story(atp: AtpClient) -> GetChaosResponse:
        await atp.operations.set_chaos(request)
        return await _status(atp)

    return _told(ask(options, story))


def _stop(options: argparse.Namespace) -> Answer:
    targets = TARGETS if options.place is None else (options.place,)

    async def story(atp: AtpClient) -> GetChaosResponse:
        instance = (await _status(atp)).instance_id
        for target in targets:
            await atp.operations.set_chaos(SetChaosRequest(instance_id=instance, target=_target(target)))
        return await _status(atp)

    return _told(ask(options, story))


def _target(name: str) -> str:
    return f"CHAOS_TARGET_{name.upper()}"


def _told(state: GetChaosResponse) -> Answer:
    injected = ", ".join(f"{count} {name}" for name, count in sorted(state.total_injected.items()))
    parts: list[Part] = [_sheet(state.rules)] if state.rules else [Line("nothing is injected")]
    if not state.allowed:
        parts.append(Line("the server's settings do not allow any (chaos.allowed)"))
    if injected:
        parts.append(Line(f"since the process started: {injected}"))
    return Answer(wording.document_of(state), parts)


def _sheet(rules: Sequence[ChaosCount]) -> Sheet:
    return Sheet("Faults", _COLUMNS, [_row(counted.rule, counted.total_injected) for counted in rules])


def _row(rule: ChaosRule, injected: int) -> tuple[str, ...]:
    return (
        wording.word(ChaosTarget, rule.target, "CHAOS_TARGET_"),
        wording.word(ChaosFault, rule.fault, "CHAOS_FAULT_"),
        f"{rule.probability:g}",
        wording.duration(rule.delay) if rule.delay != Duration() else "",
        rule.deployment,
        str(injected),
    )
