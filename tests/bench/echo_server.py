"""A bare grpcio asyncio server on uvloop that parses a RouteRequest and builds a RouteResponse, or the same of Observe.

Nothing that grpcio serves can be cheaper than this.

Usage: python -m tests.bench.echo_server PORT
"""

from __future__ import annotations

import asyncio
import signal
import sys

import grpc
import uvloop

from atp_grpc.pb.atp.v1 import observe_service_pb2 as observe_pb
from atp_grpc.pb.atp.v1 import route_service_pb2 as pb
from tests.bench.messages import echo_response


async def serve(port: int) -> None:
    async def route(request: pb.RouteRequest, context: grpc.aio.ServicerContext) -> pb.RouteResponse:
        return echo_response()

    async def route_stream(_: object, context: grpc.aio.ServicerContext) -> None:
        sequence = 0
        while (item := await context.read()) is not grpc.aio.EOF:
            sequence += 1
            result = pb.RouteStreamResult(
                sequence=sequence, correlation_id=item.correlation_id, response=echo_response()
            )
            await context.write(pb.RouteStreamResponse(result=result))

    async def observe(
        request: observe_pb.ObserveRequest, context: grpc.aio.ServicerContext
    ) -> observe_pb.ObserveResponse:
        return observe_pb.ObserveResponse(
            decision_id="0190a1b2c3d4e5f60718293a4b5c6d7e",
            recorded_fields=["quality", "attempts"],
            replica="0123456789abcdef",
            sequence=1000,
        )

    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    handlers = {
        "Route": grpc.unary_unary_rpc_method_handler(
            route, pb.RouteRequest.FromString, pb.RouteResponse.SerializeToString
        ),
        "RouteStream": grpc.stream_stream_rpc_method_handler(
            route_stream, pb.RouteStreamRequest.FromString, pb.RouteStreamResponse.SerializeToString
        ),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("atp.v1.RouteService", handlers),))
    reports = {
        "Observe": grpc.unary_unary_rpc_method_handler(
            observe, observe_pb.ObserveRequest.FromString, observe_pb.ObserveResponse.SerializeToString
        )
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("atp.v1.ObserveService", reports),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await server.stop(0)


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
