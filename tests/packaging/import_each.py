"""Imports every module of the installed atp_grpc on its own, each in a process of its own, and prints what is wrong.

Run by the packaging tests with the interpreter of a clean environment and warnings as errors; it knows nothing of the
checkout. An import may define things and nothing else: no thread, no process, no socket, no file written.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import subprocess
import sys
import threading
import traceback

FORBIDDEN = (
    "os.fork",
    "os.mkdir",
    "os.posix_spawn",
    "os.remove",
    "os.rename",
    "os.system",
    "socket.bind",
    "socket.connect",
    "sqlite3.connect",
    "subprocess.Popen",
)
AT_ONCE = os.cpu_count() or 1


class WorkError(Exception):
    """An import did more than define things."""


def watch(event: str, arguments: tuple[object, ...]) -> None:
    """An audit hook that refuses work."""
    is_writing = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
    if event in FORBIDDEN or is_writing:
        raise WorkError(f"{event} {arguments}")


def refuse_threads(known: int) -> None:
    """A thread started by an import cannot be refused before it runs, so they are counted after."""
    if threading.active_count() > known:
        raise WorkError(f"threads: {threading.enumerate()}")


def import_alone(name: str) -> int:
    """Imports one module in a child; gives the child's id."""
    if child := os.fork():
        return child
    threads = threading.active_count()
    sys.addaudithook(watch)
    try:
        importlib.import_module(name)
        refuse_threads(threads)
    except BaseException:  # noqa: BLE001 - whatever an import raises is the finding
        sys.stdout.write(f"{name}: {traceback.format_exc()}\n")
        sys.stdout.flush()
        os._exit(1)
    os._exit(0)


def preload() -> None:
    """Imports the libraries of others once, in the parent: two hundred children need not load grpc each."""
    listing = "import sys, atp_grpc.app, atp_grpc.__main__; print(*sys.modules)"
    # Where this fails, the walk below says which module it was.
    listed = subprocess.run([sys.executable, "-I", "-B", "-c", listing], capture_output=True, text=True, check=False)
    for name in listed.stdout.split():
        if name.partition(".")[0] not in {"atp_grpc", "__main__"}:
            with contextlib.suppress(ImportError):  # Some libraries hang up objects that are no modules.
                importlib.import_module(name)


def main() -> int:
    """Imports the modules that are named, or all; the exit status is how many cannot stand alone, 100 at most."""
    package = importlib.util.find_spec("atp_grpc")
    assert package is not None
    assert package.submodule_search_locations is not None
    names = sys.argv[1:] or ["atp_grpc", *_below([*package.submodule_search_locations])]
    preload()
    running: set[int] = set()
    failed = 0
    while names or running:
        while names and len(running) < AT_ONCE:
            running.add(import_alone(names.pop()))
        child, status = os.wait()
        running.remove(child)
        failed += status != 0
    return min(failed, 100)


def _below(folders: list[str]) -> list[str]:
    """Every module below the package, found without importing one."""
    found = []
    for folder in folders:
        for path, _, files in os.walk(folder):
            place = os.path.relpath(path, folder)
            prefix = "atp_grpc" if place == "." else f"atp_grpc.{place.replace(os.sep, '.')}"
            found += [f"{prefix}.{name[:-3]}" for name in files if name.endswith(".py") and name != "__init__.py"]
            found += [prefix for name in files if name == "__init__.py" and place != "."]
    return sorted(found)


if __name__ == "__main__":
    sys.exit(main())
