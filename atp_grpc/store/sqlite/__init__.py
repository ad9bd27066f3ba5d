"""The embedded store: one SQLite file, one thread that writes and one that reads.

`app` opens it with `open_sqlite_store`; everyone else knows the contract. Nothing in here runs on the event loop's
thread except handing work over.
"""

from atp_grpc.store.sqlite.store import SqliteStore, open_sqlite_store

__all__ = ["SqliteStore", "open_sqlite_store"]
