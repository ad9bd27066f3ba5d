"""Features that operators switch on and off while a process runs.

Whoever has such a feature asks for its flag where it matters; `app` keeps what they are. A flag never changes what was
promised about money or about an answer: what is off is refused or left out.
"""

from __future__ import annotations

import enum


class Flag(enum.StrEnum):
    """A feature; its value is the name that operators use."""

    ASK = "ask"
    ASK_CACHE = "ask_cache"
    ASK_CASCADE = "ask_cascade"
    ASK_PROBES = "ask_probes"
    BREAKERS = "breakers"

    @property
    def description(self) -> str:
        """What it switches, in a sentence."""
        return _DESCRIPTIONS[self]

    @property
    def default_on(self) -> bool:
        """Whether it is on when a process starts."""
        return True


_DESCRIPTIONS = {
    Flag.ASK: "Requests are carried out; off, Ask and AskStream are refused with FEATURE_OFF.",
    Flag.ASK_CACHE: "Answers given before may serve again, where a request allows it.",
    Flag.ASK_CASCADE: "Policies with a cascade ask cheap models first; off, the drawn model is asked.",
    Flag.ASK_PROBES: "Endpoints are asked by free calls whether they are there, where the settings say how often.",
    Flag.BREAKERS: "Deployments whose calls fail are left alone for a while; off, every breaker lets calls pass.",
}
