"""The Python client kit: a channel with the shipped service config, one method per RPC, typed errors.

`async with AtpClient.open("127.0.0.1:7443", credential="atp_...") as atp: await atp.route(RouteRequest(prompt="..."))`
Messages come from `atp_grpc.client.messages`. It never knows how the server works inside.
"""

from atp_grpc.client.asking import AskStream
from atp_grpc.client.channel import open_channel, service_config
from atp_grpc.client.client import AtpClient
from atp_grpc.client.credentials import MalformedCredentialError
from atp_grpc.client.errors import AtpCallError, refusal
from atp_grpc.client.naming import random_request_id
from atp_grpc.client.observe_stream import ObserveStream
from atp_grpc.client.pages import pages
from atp_grpc.client.route_stream import RouteStream
from atp_grpc.client.targets import InsecureTargetError

__all__ = [
    "AskStream",
    "AtpCallError",
    "AtpClient",
    "InsecureTargetError",
    "MalformedCredentialError",
    "ObserveStream",
    "RouteStream",
    "open_channel",
    "pages",
    "random_request_id",
    "refusal",
    "service_config",
]
