"""Faults on purpose: which are to be injected where, and how often each was."""

from atp_grpc.chaos.chaos import Chaos, InjectedFault, beset
from atp_grpc.chaos.rules import APPLICABLE, ChaosFault, ChaosRule, ChaosTarget
from atp_grpc.chaos.site import Counted, Site, Strike

__all__ = [
    "APPLICABLE",
    "Chaos",
    "ChaosFault",
    "ChaosRule",
    "ChaosTarget",
    "Counted",
    "InjectedFault",
    "Site",
    "Strike",
    "beset",
]
