"""The program `atp`: finds the command that is meant, runs it, prints its answer, and turns every end into a status.

`atp_grpc.__main__` enters here. Only the module of the command that was called is imported, so help and version answer
at once. No exception leaves `run` unless Python runs in development mode, and no traceback reaches a user.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, cast

from atp_grpc.cli.answer import OK, UNUSABLE, Answer, CommandFailed
from atp_grpc.cli.printing import print_answer, print_failure

INTERRUPTED = 130
"""128 + SIGINT, as shells count it."""
FAULT = 70
"""`EX_SOFTWARE` of sysexits.h: the program itself is wrong."""

COMMANDS = {
    "serve": "run a server until it is told to stop",
    "ask": "ask a model through a server, and see what it cost",
    "route": "decide which model should serve a prompt",
    "plan": "show what route would weigh, without deciding",
    "observe": "report what a decision led to",
    "decision": "list, show and explain decisions and what was observed",
    "savings": "say what was paid, and what a baseline would have cost",
    "evaluate": "say what another policy would have earned on the log",
    "models": "list models, deployments and prices",
    "policy": "list, make, change and take back routing policies",
    "trial": "try a routing policy on live traffic, and see what is shown",
    "budget": "give, show and take away what a tenant may spend",
    "providers": "show how deployments do, and open or close their breakers",
    "server": "show what a server is, has loaded and has learned",
    "top": "watch a server live: rates, latency, models, learner, health",
    "events": "show what a server has done of its own accord",
    "drain": "take a server out of service without losing a call",
    "reload": "make a server read its catalogue file again",
    "flags": "list and switch the features of a server",
    "chaos": "break things under a server on purpose, to see what it does",
    "health": "ask whether a server is serving",
    "config": "check, show or explain the settings",
    "key": "make a key for a tenant",
    "replay": "route recorded outcomes again and grade the choices",
    "eval": "replay the outcome files of a folder, as one table",
    "prior": "teach a server what recorded outcomes tell",
    "adapter": "check a way to models that someone else serves",
    "mock-provider": "stand in for a model provider, by script",
    "version": "print the version",
}

_WITHOUT_GRPC = {"config", "key", "mock-provider", "version"}

_EXAMPLE = """\
an example session:
  atp serve                      in one terminal; the first start prints a key
  export ATP_KEY=atp_dev_...     in another
  atp ask "Prove that there are infinitely many primes."
  atp plan "Prove that there are infinitely many primes."
  atp route "Prove that there are infinitely many primes." --max-cost-usd 0.01
  atp observe TOKEN --quality 0.9 --attempt model=MODEL,cost_usd=0.0004,latency=1.2s
  atp decision explain ID

exit status: 0 done, 1 refused by the server or no server, 2 wrong options or settings.
Every command but serve and mock-provider takes --json and then prints one JSON document; replay takes a file for it.
"""


class Command(Protocol):
    """What the module of a command offers."""

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Describes the command's options."""
        ...

    def run(self, options: argparse.Namespace) -> Answer:
        """Does what the options say. Raises `CommandFailed` when it cannot."""
        ...


def run(arguments: Sequence[str]) -> int:
    """Runs one command line (without the program's name) and returns the exit status."""
    try:
        if not all(map(_is_text, arguments)):
            print("atp: an argument is not UTF-8", file=sys.stderr)
            return UNUSABLE
        options = _parser(arguments).parse_args(arguments)
        return _answered(options, _module(options.command))
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else UNUSABLE
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has seen enough; the interpreter must not complain about it at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except Exception as error:
        # The last wall: a fault of ours is one sentence for users, and a traceback for who develops.
        if sys.flags.dev_mode:
            raise
        print(
            f"atp: this is a fault of atp itself: {_place_of(error)}; please report it "
            "(python -X dev -m atp_grpc shows the traceback)",
            file=sys.stderr,
        )
        return FAULT


def _answered(options: argparse.Namespace, command: Command) -> int:
    as_json = getattr(options, "json", False)
    try:
        answer = command.run(options)
    except CommandFailed as failure:
        print_failure(failure, as_json=as_json, output=sys.stdout, errors=sys.stderr)
        return failure.exit_status
    print_answer(answer, as_json=as_json, stream=sys.stdout)
    sys.stdout.flush()
    return answer.exit_status


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """A parser that knows every command by name, and the options of the one that is called."""
    parser = argparse.ArgumentParser(
        prog="atp",
        description="Asks and runs ATP, the server that decides which model should serve a request.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=f"{summary.capitalize()}.", allow_abbrev=False)
        if arguments and arguments[0] == name:
            _module(name).add_options(command)
    return parser


def _module(name: str) -> Command:
    if name not in _WITHOUT_GRPC:
        # Before anything imports grpc, whose core then asks the environment how much it may say.
        importlib.import_module("atp_grpc.config").quiet_grpc()
    return cast("Command", importlib.import_module(f"atp_grpc.cli.{name.replace('-', '_')}"))


def _is_text(argument: str) -> bool:
    """Whether an argument was UTF-8; the interpreter smuggles other bytes through as lone surrogates."""
    return not any("\ud800" <= sign <= "\udfff" for sign in argument)


def _place_of(error: Exception) -> str:
    """The kind of an exception and where it was raised; never its text, which may hold a secret."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f" at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else ""
    return f"{type(error).__name__}{where}"
