"""How many calls wait inside grpcio's core, where neither a handler nor the event loop can see them.

The core hands calls over one by one; what comes faster waits in it (measured: of 256 callers in a loop nearly all wait
there, for most of the time of their calls, and the event loop is never late). Only the core's own bookkeeping,
channelz, tells. One background task enters here a few times a second.
"""

from __future__ import annotations

from grpc_channelz.v1 import channelz_pb2
from grpc_channelz.v1.channelz import ChannelzServicer


class Backlog:
    """The calls of one server, as its core counts them. Made right after the server, before another one is made."""

    def __init__(self) -> None:
        self._request = channelz_pb2.GetServerRequest(server_id=_newest_server())

    def open_calls(self) -> int:
        """Calls and streams that have come and are not over, whoever looks after them. Costs 0.1 ms."""
        data = ChannelzServicer.GetServer(self._request, None).server.data
        return int(data.calls_started - data.calls_succeeded - data.calls_failed)


def _newest_server() -> int:
    newest = 0
    while True:
        page = ChannelzServicer.GetServers(channelz_pb2.GetServersRequest(start_server_id=newest + 1), None)
        newest = max((one.ref.server_id for one in page.server), default=newest)
        if page.end:
            return newest
