"""An attempt as people type it: `model=swift,cost_usd=0.0004,latency=1.2s,error=timeout`.

`observe` reads its `--attempt` options through this. Every key names a field of `atp.v1.Attempt` or its usage.
"""

from __future__ import annotations

from argparse import ArgumentTypeError

from atp_grpc.cli.quantities import read_count, read_pair, read_span, read_usd
from atp_grpc.client.messages import Attempt, AttemptError, Usage

_PREFIX = "ATTEMPT_ERROR_"
ERRORS = {name.removeprefix(_PREFIX).lower(): name for name in AttemptError.keys()[1:]}
TOKEN_CLASSES = tuple(field.name for field in Usage.DESCRIPTOR.fields)
KEYS = ("model", "deployment", "cost_usd", "latency", "error", *TOKEN_CLASSES)


def read_attempt(text: str) -> Attempt:
    """One attempt as comma-separated KEY=VALUE pairs, of which `model` is needed.

    Raises:
        ArgumentTypeError: An unknown or repeated key, a value that cannot be right, or no model.
    """
    pairs = [read_pair(part) for part in text.split(",")]
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ArgumentTypeError(f"{text!r} gives a key twice")
    unknown = sorted(values.keys() - set(KEYS))
    if unknown:
        raise ArgumentTypeError(f"{unknown[0]!r} is not known of an attempt; these are: {', '.join(KEYS)}")
    if not values.get("model"):
        raise ArgumentTypeError(f"{text!r} does not say which model was called (model=NAME)")
    if values.get("error") not in {None, *ERRORS}:
        raise ArgumentTypeError(f"{values['error']!r} is no error of an attempt; these are: {', '.join(ERRORS)}")
    attempt = Attempt(
        model=values["model"], deployment=values.get("deployment"), error=ERRORS.get(values.get("error", ""))
    )
    if "cost_usd" in values:
        attempt.cost_nano_usd = read_usd(values["cost_usd"])
    if "latency" in values:
        attempt.latency.FromNanoseconds(read_span(values["latency"]))
    for token_class in TOKEN_CLASSES:
        if token_class in values:
            setattr(attempt.usage, token_class, read_count(values[token_class]))
    return attempt
