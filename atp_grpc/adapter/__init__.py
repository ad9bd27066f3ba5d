"""The kit to write an adapter: implement `Adapter`, and `run` or `open_adapter` serves it as `atp.adapter.v1`.

Whoever writes an adapter imports from here and needs nothing else of ATP. The kit speaks the wire, keeps the order of
events, counts open calls, renews leases and drains; it never makes an answer, never retries and never keeps a prompt.
"""

from atp_grpc.adapter.contract import Adapter
from atp_grpc.adapter.server import RunningAdapter, open_adapter, run
from atp_grpc.domain.ask import FinishReason
from atp_grpc.domain.conversation import Prompt
from atp_grpc.domain.outcome import Usage
from atp_grpc.providers.contract import (
    Allowance,
    Certainty,
    Event,
    FaultKind,
    Finished,
    Generation,
    ProviderFault,
    TextDelta,
    ToolCallDelta,
    Used,
)
from atp_grpc.providers.remote.description import Estimate, ModelDescription
from atp_grpc.providers.standing import ServingState, Standing

__all__ = [
    "Adapter",
    "Allowance",
    "Certainty",
    "Estimate",
    "Event",
    "FaultKind",
    "FinishReason",
    "Finished",
    "Generation",
    "ModelDescription",
    "Prompt",
    "ProviderFault",
    "RunningAdapter",
    "ServingState",
    "Standing",
    "TextDelta",
    "ToolCallDelta",
    "Usage",
    "Used",
    "open_adapter",
    "run",
]
