"""The file of a Unix socket: a dead server's is replaced, a live one's is not, and nothing else is ever touched."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from atp_grpc.transport.listening import SocketFileError
from atp_grpc.transport.socket_file import SocketFile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "atp.sock"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as made:
        yield made


def listen(listener: socket.socket, path: Path) -> None:
    listener.bind(str(path))
    listener.listen(1)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("mode", [0o600, 0o660])
def test_a_socket_gets_its_mode_and_is_gone_after_the_release(path: Path, listener: socket.socket, mode: int) -> None:
    modes: list[int] = []

    def bind() -> None:
        listen(listener, path)
        modes.append(mode_of(path))

    claimed = SocketFile.claim(str(path))
    claimed.bind(bind, mode)

    assert modes == [0o600], "others could connect before the mode was set"
    assert mode_of(path) == mode
    claimed.release()
    assert list(path.parent.iterdir()) == []


def test_the_mask_of_the_process_is_as_it_was_after_a_bind(path: Path, listener: socket.socket) -> None:
    before = os.umask(0o027)
    try:
        SocketFile.claim(str(path)).bind(lambda: listen(listener, path), 0o600)
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)


def test_what_a_killed_server_left_behind_is_replaced(path: Path, listener: socket.socket) -> None:
    code = (
        "import os, socket, sys\n"
        "from atp_grpc.transport.socket_file import SocketFile\n"
        "made = socket.socket(socket.AF_UNIX)\n"
        "claimed = SocketFile.claim(sys.argv[1])\n"
        "claimed.bind(lambda: made.bind(sys.argv[1]), 0o600)\n"
        "made.listen(1)\n"
        "os._exit(9)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == 9
    assert path.exists()

    SocketFile.claim(str(path)).bind(lambda: listen(listener, path), 0o600)
    assert stat.S_ISSOCK(path.stat().st_mode)


def test_a_path_that_another_server_claimed_is_refused(path: Path) -> None:
    claimed = SocketFile.claim(str(path))

    with pytest.raises(SocketFileError, match=r"unix:.*atp\.sock.*another server listens there"):
        SocketFile.claim(str(path))
    claimed.release()
    SocketFile.claim(str(path)).release()


@pytest.mark.parametrize("is_full", [False, True])
def test_a_live_listener_of_any_program_is_left_alone(path: Path, listener: socket.socket, is_full: bool) -> None:
    listener.bind(str(path))
    listener.listen(0)
    waiting = [socket.socket(socket.AF_UNIX) for _ in range(4 * is_full)]
    for caller in waiting:
        caller.settimeout(0)
        caller.connect_ex(str(path))
    inode = path.stat().st_ino

    with pytest.raises(SocketFileError, match="another server listens there"):
        SocketFile.claim(str(path))
    assert path.stat().st_ino == inode
    for caller in waiting:
        caller.close()


def _file(path: Path) -> None:
    path.write_text("precious")


def _folder(path: Path) -> None:
    path.mkdir()


def _link(path: Path) -> None:
    target = path.with_name("precious")
    target.write_text("precious")
    path.symlink_to(target)


@pytest.mark.parametrize("make", [_file, _folder, _link])
def test_what_is_no_socket_is_never_touched(path: Path, make: object) -> None:
    make(path)  # type: ignore[operator]

    with pytest.raises(SocketFileError, match="something that is no socket stands there"):
        SocketFile.claim(str(path))
    assert path.is_symlink() or path.is_dir() or path.read_text() == "precious"


def test_a_folder_that_is_not_there_is_told(path: Path) -> None:
    with pytest.raises(SocketFileError, match="No such file or directory; choose another with ATP_SERVER_UNIX_SOCKET"):
        SocketFile.claim(str(path / "deeper"))


def test_a_path_is_measured_in_bytes() -> None:
    with pytest.raises(SocketFileError, match="longer than 107 bytes"):
        SocketFile.claim("/tmp/" + "ü" * 60)


def test_a_release_leaves_the_socket_of_a_successor_alone(path: Path, listener: socket.socket) -> None:
    claimed = SocketFile.claim(str(path))
    with socket.socket(socket.AF_UNIX) as mine:
        claimed.bind(lambda: listen(mine, path), 0o600)
        path.unlink()
        listen(listener, path)

        claimed.release()
        assert path.exists()


def test_a_claim_that_was_never_bound_leaves_nothing(path: Path) -> None:
    SocketFile.claim(str(path)).release()

    assert list(path.parent.iterdir()) == []
