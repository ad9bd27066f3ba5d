"""The file of a Unix socket: claimed for one process, never taken from a live one, gone when the process ends in order.

The listener claims a path before it binds and releases it after the last call. What a dead server left behind is
cleared away; a file that is no socket is never touched.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from atp_grpc.transport.listening import SocketFileError

LONGEST_PATH_BYTES = 107
"""What the kernel's address of a Unix socket holds."""
_OWNER_ONLY = 0o600
_ALL_BUT_THE_OWNER = 0o177


class SocketFile:
    """A claimed path. Made by `claim`; given back by `release`.

    A lock file beside the socket is held for the whole life: of two servers that start at once, one is refused, and a
    server that was killed holds nothing.
    """

    def __init__(self, path: str, lock: int) -> None:
        self._path = Path(path)
        self._lock = lock
        self._identity: tuple[int, int] | None = None

    @classmethod
    def claim(cls, path: str) -> SocketFile:
        """Claims a path and clears away what a dead server left there.

        Raises:
            SocketFileError: a live server has it, something else stands there, or it cannot be used.
        """
        if len(os.fsencode(path)) > LONGEST_PATH_BYTES:
            raise SocketFileError(path, f"the path is longer than {LONGEST_PATH_BYTES} bytes")
        try:
            lock = _lock(Path(f"{path}.lock"))
        except BlockingIOError:
            raise SocketFileError(path, "another server listens there") from None
        except OSError as error:
            raise SocketFileError(path, _reason(error)) from None
        claimed = cls(path, lock)
        try:
            claimed._clear()
        except OSError as error:
            claimed.release()
            raise SocketFileError(path, _reason(error)) from None
        except SocketFileError:
            claimed.release()
            raise
        return claimed

    def bind(self, bind: Callable[[], object], mode: int) -> None:
        """Lets `bind` make the socket, closed to everybody but the owner from its first moment, then gives it its mode.

        Raises:
            OSError: the file that was made cannot be given its mode.
        """
        with _umask(_ALL_BUT_THE_OWNER):
            bind()
        self._path.chmod(mode)
        self._identity = self._found()

    def release(self) -> None:
        """Takes the socket away, if it is still the one that was bound, and gives the path back."""
        with suppress(OSError):
            if self._identity is not None and self._identity == self._found():
                self._path.unlink()
        with suppress(OSError):
            Path(f"{self._path}.lock").unlink()
        os.close(self._lock)

    def _found(self) -> tuple[int, int]:
        status = self._path.lstat()
        return status.st_dev, status.st_ino

    def _clear(self) -> None:
        """Removes the socket of a dead server."""
        try:
            mode = self._path.lstat().st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(mode):
            raise SocketFileError(str(self._path), "something that is no socket stands there")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
            # A listener whose queue is full would block here, and is alive.
            caller.settimeout(0)
            answer = caller.connect_ex(str(self._path))
        if answer == errno.ECONNREFUSED:
            self._path.unlink()
        elif answer in {errno.EACCES, errno.EPERM}:
            raise PermissionError(answer, os.strerror(answer))
        elif answer != errno.ENOENT:
            raise SocketFileError(str(self._path), "another server listens there")


def _lock(path: Path) -> int:
    """Opens and locks a file that is there when the lock is had: its last holder may just have removed it.

    Raises:
        BlockingIOError: another process holds it.
    """
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, _OWNER_ONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(lock), path.stat()):
                    return lock
        except BaseException:
            os.close(lock)
            raise
        os.close(lock)


@contextmanager
def _umask(mask: int) -> Iterator[None]:
    """Another mask for new files of the whole process; only ever a narrower one, and only for a moment."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
