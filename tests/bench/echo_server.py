"""A bare grpcio asyncio server on uvloop that parses a RouteRequest and builds a RouteResponse.

Nothing that grpcio serves can be cheaper than this.

Usage: python -m tests.bench.echo_server PORT
"""

from __future__ import annotations

import asyncio
import signal
import sys

import grpc
import uvloop

from atp_grpc.pb.atp.v1 import route_service_pb2 as pb
from tests.bench.messages import echo_response


async def serve(port: int) -> None:
    async def route(request: pb.RouteRequest, context: grpc.aio.ServicerContext) -> pb.RouteResponse:
        return echo_response()

    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    handlers = {
        "Route": grpc.unary_unary_rpc_method_handler(
            route, pb.RouteRequest.FromString, pb.RouteResponse.SerializeToString
        )
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("atp.v1.RouteService", handlers),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await server.stop(0)


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
