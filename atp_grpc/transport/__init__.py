"""The door of the server: bytes come in, bytes or a status go out.

Whoever connects enters here, and only here: the method table, the one wrapper around every method (`edge`), health,
reflection and the ops port. `grpcio` moves the bytes. Nothing behind the door knows a connection, and nothing here
knows a story.
"""
