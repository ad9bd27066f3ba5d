"""One process per database: a lock file beside it, held as long as the store is open.

The kernel lets go of the lock when its holder dies, however it dies, so a crash never leaves a database locked. The
file itself stays; it is never removed, because removing it would let two processes lock two files of one name.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from atp_grpc.store.contract import StoreFailure


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Holds the database for this process and nobody else.

    Raises:
        StoreFailure: another holder has it, in this process or another.
    """
    descriptor = os.open(database.with_name(f"{database.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
            raise StoreFailure(f"the database {database} is in use by process {holder}") from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode("ascii"), 0)
        yield
    finally:
        os.close(descriptor)
