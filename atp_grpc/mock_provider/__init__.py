"""The stand-in provider: a real HTTP server that answers as OpenAI and Anthropic publish it, without a model.

Tests, benches and people who try ATP out enter here, in process by `open_mock_provider` or with `atp mock-provider`.
Its answers follow from model, prompt and seed, its token counts are exact, and it fails on demand, in every way a
provider has been seen to fail. It never calls anybody and never takes part in a server of ATP.
"""

from atp_grpc.mock_provider.calls import Call, Ended
from atp_grpc.mock_provider.script import Fault, Script
from atp_grpc.mock_provider.server import MockProvider, open_mock_provider
from atp_grpc.mock_provider.tokens import IMAGE_TOKENS, count_tokens, split_tokens

__all__ = [
    "IMAGE_TOKENS",
    "Call",
    "Ended",
    "Fault",
    "MockProvider",
    "Script",
    "count_tokens",
    "open_mock_provider",
    "split_tokens",
]
