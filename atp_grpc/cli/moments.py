"""Moments as people type them: RFC 3339, such as `2026-01-31T12:00:00Z`."""

from __future__ import annotations

import argparse

from google.protobuf.timestamp_pb2 import Timestamp


def read_moment(text: str) -> Timestamp:
    """A moment in RFC 3339, such as `2026-01-31T12:00:00Z`.

    Raises:
        argparse.ArgumentTypeError: Anything else.
    """
    moment = Timestamp()
    try:
        moment.FromJsonString(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a moment such as 2026-01-31T12:00:00Z") from None
    return moment
