"""ATP: the routing brain for teams that call large language models, served over gRPC."""
