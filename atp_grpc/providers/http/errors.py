"""How an exchange goes wrong, before anybody says what that means for an answer.

Raised by the client, turned into a `ProviderFault` in `calling`. None of them carries a word that came over the wire.
"""

from __future__ import annotations


class ExchangeError(Exception):
    """Something went wrong between us and the host."""


class TargetRefused(ExchangeError):
    """The rule of egress forbids the target; nothing was sent."""


class Unreachable(ExchangeError):
    """The name does not resolve, nobody listens, or TLS was not agreed on; nothing was sent."""


class Lost(ExchangeError):
    """The connection ended before the answer did."""


class TimedOut(ExchangeError):
    """A time limit passed."""


class NotHttp(ExchangeError):
    """What came is not HTTP as we asked for it, or above a bound."""
