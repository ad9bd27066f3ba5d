"""The composition root: builds everything, owns lifetimes, serves until told to stop."""

from atp_grpc.app.composition import App, open_app
from atp_grpc.app.rooms import Rooms, open_rooms
from atp_grpc.app.serving import serve

__all__ = ["App", "Rooms", "open_app", "open_rooms", "serve"]
