"""The options that describe a request to be routed, shared by `route` and `plan`, and the message they make.

Values that cannot be right are refused here with a sentence; everything else is the server's to judge.
"""

from __future__ import annotations

import argparse
import sys

from atp_grpc.cli.answer import unusable
from atp_grpc.cli.quantities import read_count, read_pair, read_share, read_span, read_usd, read_weight
from atp_grpc.client.messages import Constraints, NamedObjective, Objective, RouteRequest, Weights

_PREFIX = "NAMED_OBJECTIVE_"
_OBJECTIVES = {name.removeprefix(_PREFIX).lower(): name for name in NamedObjective.keys()[1:]}


def add_request_options(parser: argparse.ArgumentParser) -> None:
    """Adds the prompt and everything that can be said about it."""
    parser.add_argument("prompt", help="what is asked; - reads it from standard input")
    constraints = parser.add_argument_group("constraints")
    constraints.add_argument("--max-cost-usd", metavar="USD", type=read_usd, help="most that the call may cost")
    constraints.add_argument("--quality-floor", metavar="SHARE", type=read_share, help="least predicted quality, 0..1")
    constraints.add_argument("--latency-slo", metavar="SPAN", type=read_span, help="greatest predicted latency: 800ms")
    for option, what in (
        ("--capability", "capability the model must have, for example tools"),
        ("--allow", "model that may serve; without any, all may"),
        ("--deny", "model that may not serve"),
    ):
        constraints.add_argument(option, metavar="NAME", action="append", default=[], help=f"{what} (repeatable)")
    constraints.add_argument("--region", metavar="NAME", default="", help="region it must be served in")
    constraints.add_argument("--data-scope", metavar="NAME", default="", help="data scope to be cleared for")
    request = parser.add_argument_group("request")
    request.add_argument("--objective", metavar="NAME", type=read_objective, help=objective_help())
    request.add_argument("--policy", metavar="NAME", default="", help="routing policy (default: default)")
    request.add_argument("--input-tokens", metavar="COUNT", type=read_count, help="input tokens, when known")
    request.add_argument("--max-output-tokens", metavar="COUNT", type=read_count, help="cap that you will set upstream")
    request.add_argument("--task-type", metavar="NAME", default="", help="kind of task, in your words")
    request.add_argument("--session", metavar="ID", default="", help="conversation this belongs to")
    request.add_argument("--request-id", metavar="ID", default="", help="the same id again gets the first answer again")
    request.add_argument("--min-revision", metavar="NUMBER", type=read_count, default=0, help="oldest catalogue to use")
    request.add_argument(
        "--label", metavar="KEY=VALUE", type=read_pair, action="append", default=[], help="your own note (repeatable)"
    )


def objective_help() -> str:
    """The help text of `--objective`, with every ready-made balance."""
    return f"what to optimise: {', '.join(_OBJECTIVES)}, or weights such as cost=0.2,latency=0.1"


def read_objective(text: str) -> Objective:
    """A ready-made balance by name, or weights.

    Raises:
        argparse.ArgumentTypeError: Neither.
    """
    if text in _OBJECTIVES:
        return Objective(named=_OBJECTIVES[text])
    weights = dict(read_pair(part) for part in text.split(",")) if "=" in text else {}
    if not weights or weights.keys() - {"cost", "latency"}:
        raise argparse.ArgumentTypeError(f"{text!r} is no objective; {objective_help()}")
    return Objective(weights=Weights(**{name: read_weight(value) for name, value in weights.items()}))


def request_of(options: argparse.Namespace) -> RouteRequest:
    """The message that the options describe.

    Raises:
        CommandFailed: The prompt was to come from standard input, and is not UTF-8.
    """
    constraints = Constraints(
        max_cost_nano_usd=options.max_cost_usd,
        quality_floor=options.quality_floor,
        required_capabilities=options.capability,
        allowed_models=options.allow,
        denied_models=options.deny,
        region=options.region,
        data_scope=options.data_scope,
    )
    if options.latency_slo is not None:
        constraints.latency_slo.FromNanoseconds(options.latency_slo)
    return RouteRequest(
        request_id=options.request_id,
        prompt=standard_input() if options.prompt == "-" else options.prompt,
        input_tokens=options.input_tokens,
        max_output_tokens=options.max_output_tokens,
        task_type=options.task_type,
        constraints=constraints,
        objective=options.objective,
        policy=options.policy,
        session_id=options.session,
        labels=dict(options.label),
        min_revision=options.min_revision,
    )


def standard_input() -> str:
    """The prompt on standard input.

    Raises:
        CommandFailed: It is not UTF-8.
    """
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError:
        raise unusable("the prompt on standard input is not UTF-8") from None
