"""The asyncio server of the grpcio package: moves bytes, metadata, deadlines, cancellation and statuses for the door.

The composition root builds a `GrpcioServer` from wrapped methods. Nothing here looks into a message or decides
anything about a call.
"""
