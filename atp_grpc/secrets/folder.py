"""Small private files in the data directory: readable by their owner only, replaced whole or not at all.

`files` and `tenancy` keep secrets and digests through here. It judges modes before it reads, and never repairs them: a
secret that others could read has to be thought about by a person.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from atp_grpc.secrets.contract import SecretsError

_LOCK = ".secrets.lock"
_PRIVATE_FOLDER = 0o700
_PRIVATE_FILE = 0o600


def open_folder(folder: Path) -> None:
    """Makes the data directory (0700) where there is none.

    Raises:
        SecretsError: it cannot be made, or others may write to it.
    """
    try:
        folder.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
        mode = folder.stat().st_mode
    except OSError as error:
        raise SecretsError(f"{folder}: the data directory cannot be made: {error.strerror}") from None
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise SecretsError(f"{folder}: others may write to the data directory; run: chmod go-w {folder}")


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Holds off every other process that changes private files here."""
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _PRIVATE_FILE)
    except OSError as error:
        raise SecretsError(f"{folder / _LOCK}: cannot be opened: {error.strerror}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def read_private(path: Path) -> bytes | None:
    """The content of a private file, or None when there is none.

    Raises:
        SecretsError: others may read or write it, or it cannot be read.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if mode & (stat.S_IRWXG | stat.S_IRWXO):
                shown = oct(stat.S_IMODE(mode))
                raise SecretsError(f"{path}: others may use this secret (mode {shown}); run: chmod 600 {path}")
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SecretsError(f"{path}: cannot be read: {error.strerror}") from None


def write_private(path: Path, data: bytes) -> None:
    """Puts a private file in place, durably and in one step: whoever reads finds the old content or the new.

    Raises:
        SecretsError: it cannot be written; the old content stands.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with suppress(FileNotFoundError):
            # Left behind by a process of the same number that was killed in the middle.
            draft.unlink()
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_FILE), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise SecretsError(f"{path}: cannot be written: {error.strerror}") from None


def _sync_folder(folder: Path) -> None:
    """A rename is durable once the folder is."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
