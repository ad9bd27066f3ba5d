"""ATP: the routing brain for teams that call large language models, served over gRPC."""

__version__ = "0.1.0"
