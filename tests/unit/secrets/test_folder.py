"""Private files are private, and replaced whole or not at all."""

from __future__ import annotations

import errno
import multiprocessing
import os
import stat
from pathlib import Path

import pytest

from atp_grpc.secrets.contract import SecretsError
from atp_grpc.secrets.folder import exclusive, open_folder, read_private, write_private


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_folder_is_made_for_its_owner_only(tmp_path: Path) -> None:
    open_folder(tmp_path / "state" / "atp")

    assert mode_of(tmp_path / "state" / "atp") == 0o700


def test_a_folder_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    open_folder(tmp_path)

    assert mode_of(tmp_path) == 0o755


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702, 0o720])
def test_a_folder_that_others_may_write_to_is_refused(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)

    with pytest.raises(SecretsError, match=f"chmod go-w {tmp_path}"):
        open_folder(tmp_path)


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "atp").write_text("")

    with pytest.raises(SecretsError, match="the data directory cannot be made: File exists"):
        open_folder(tmp_path / "atp")


def test_what_is_written_is_read_back_and_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_private(tmp_path / "pepper", b"first")
        write_private(tmp_path / "pepper", b"second")
    finally:
        os.umask(before)

    assert read_private(tmp_path / "pepper") == b"second"
    assert mode_of(tmp_path / "pepper") == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["pepper"]


def test_a_file_that_is_not_there_reads_as_none(tmp_path: Path) -> None:
    assert read_private(tmp_path / "pepper") is None


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o601])
def test_a_file_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "pepper"
    write_private(path, b"hush")
    path.chmod(mode)

    with pytest.raises(SecretsError, match=f"chmod 600 {path}") as refused:
        read_private(path)
    assert "hush" not in str(refused.value)


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pepper").mkdir(mode=0o700)

    with pytest.raises(SecretsError, match="cannot be read: Is a directory"):
        read_private(tmp_path / "pepper")


def test_a_draft_left_by_a_killed_process_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / f".pepper.{os.getpid()}.new").write_bytes(b"half")

    write_private(tmp_path / "pepper", b"whole")

    assert read_private(tmp_path / "pepper") == b"whole"


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_content_and_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    write_private(tmp_path / "pepper", b"old")

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(*((os, "fsync", fail) if step == "fsync" else (Path, "replace", fail)))
    with pytest.raises(SecretsError, match="cannot be written: No space left on device"):
        write_private(tmp_path / "pepper", b"new")
    monkeypatch.undo()

    assert read_private(tmp_path / "pepper") == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["pepper"]


def _append_alone(folder: Path, times: int) -> None:
    for _ in range(times):
        with exclusive(folder):
            write_private(folder / "tally", (read_private(folder / "tally") or b"") + b".")


def test_processes_that_change_the_same_file_take_turns(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=_append_alone, args=(tmp_path, 20)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()

    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert read_private(tmp_path / "tally") == b"." * 60


def test_a_folder_that_cannot_be_locked_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SecretsError, match="cannot be opened"), exclusive(tmp_path / "nowhere"):
        pass
