"""Keys of providers, from the environment and from private files: read when they are wanted, and again when changed.

The composition root makes it once, and asks now and then what has changed; Ask looks a key up for every call. Variables
are those that the process was started with; a file may be put there, replaced and taken away at any time. It never
writes, and never tells a key to anybody but its caller.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from atp_grpc.secrets.contract import ProviderKey, SecretsError, is_key_reference
from atp_grpc.secrets.folder import read_private

FOLDER = "provider_keys"
"""Below the data directory."""
_LONGEST = 4096


_Mark = tuple[int, int, int]
"""What tells a file from what it was before: it moves with the content and with the mode."""


class _Read(NamedTuple):
    """A key with the mark of its file when it was read."""

    mark: _Mark
    key: ProviderKey


class StoredProviderKeys:
    """Keeps the promise of `ProviderKeys`."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        """`folder` holds the files, one a key; `environ` is the environment of the process."""
        self._folder = folder
        self._environ = environ
        self._read: dict[str, _Read] = {}
        self._looked_at: dict[str, _Mark | None] = {}

    def key(self, reference: str) -> ProviderKey:
        """As the contract says. A file that is replaced by renaming is the old key or the new, never neither."""
        if not is_key_reference(reference):
            raise SecretsError("a key is referred to as env:NAME or file:NAME")
        kind, _, name = reference.partition(":")
        return self._of_variable(name) if kind == "env" else self._of_file(name)

    def _of_variable(self, name: str) -> ProviderKey:
        written = self._environ.get(name, "").strip()
        if not written:
            raise SecretsError(f"environment: {name}: not set")
        return _key(written, f"environment: {name}")

    def changed(self) -> list[str]:
        """References to files that were asked for and are not what they were when this was last called, or first asked.

        Whoever has given up a key that was refused, or was not there, may try it again then.
        """
        changed = []
        for name, before in self._looked_at.items():
            now = _mark_of(self._folder / name)
            if now != before:
                self._looked_at[name] = now
                changed.append(f"file:{name}")
        return changed

    def _of_file(self, name: str) -> ProviderKey:
        path = self._folder / name
        # Taken before the content is read, so that a change in between shows at the next look.
        mark = _mark_of(path)
        self._looked_at.setdefault(name, mark)
        if mark is None:
            self._read.pop(name, None)
            raise SecretsError(f"{path}: not there")
        read = self._read.get(name)
        if read is None or read.mark != mark:
            written = (read_private(path) or b"").decode("utf-8", "replace").strip()
            if not written and read is not None:
                # Emptied to be written anew: whoever writes is not done yet.
                return read.key
            read = self._read[name] = _Read(mark, _key(written, str(path)))
        return read.key


def _mark_of(path: Path) -> _Mark | None:
    """The mark of a file, None where it is not to be seen."""
    try:
        status = os.stat(path)  # noqa: PTH116 - half as long as by way of the path, and done for every call
    except OSError:
        return None
    return status.st_ctime_ns, status.st_ino, status.st_size


def _key(written: str, where: str) -> ProviderKey:
    if not written or len(written) > _LONGEST or not written.isascii() or not written.isprintable() or " " in written:
        raise SecretsError(f"{where}: must hold a key: at most {_LONGEST} printable characters without spaces")
    return ProviderKey(written)
