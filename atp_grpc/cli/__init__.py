"""The command line `atp`: one module per command, each of which parses its options and calls one function.

`atp_grpc.__main__` enters through `program`, which imports a command's module only when that command is called. It
never decides anything about routing: every fact it prints comes from a server, the settings or the data directory.
"""
