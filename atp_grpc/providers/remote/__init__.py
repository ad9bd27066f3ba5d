"""Providers out of process: `atp.adapter.v1` over gRPC, its client and both ways between wire and values."""
