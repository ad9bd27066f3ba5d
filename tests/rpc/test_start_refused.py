"""A start that is refused: every complaint at once, in one sentence each, on the error output, with exit code 2."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import shutil
import socket
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from atp_grpc.app import open_app, serve
from atp_grpc.app.serving import REFUSED
from atp_grpc.config import AuthSettings, CatalogSettings, EngineSettings, OpsSettings, ServerSettings, Settings
from atp_grpc.domain.clock import SystemClock
from atp_grpc.engine import native
from atp_grpc.secrets.files import open_secrets
from atp_grpc.store.contract import StoreFailure
from atp_grpc.store.sqlite import open_sqlite_store
from tests.rpc.catalogues import ONE_MODEL
from tests.rpc.provoking import prompt
from tests.rpc.serving import ACME, key_for, serving, settings_for

BAD_CATALOGUE = ONE_MODEL.replace("context_tokens = 8000", "context_tokens = -1").replace(
    "input_usd_per_million_tokens = 1.0", "input_usd_per_million_tokens = nan"
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    _, key = key_for(tmp_path / "data", ACME)
    return settings_for(tmp_path / "data", (key,))


def refusals(settings: Settings, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The complaints of a start that must be refused."""
    assert serve(settings) == REFUSED == 2
    output = capsys.readouterr()
    assert output.out == ""
    lines = [line for line in output.err.splitlines() if not line.startswith("{")]
    assert lines
    assert all(line.startswith("atp: ") for line in lines)
    return lines


def test_a_bad_catalogue_is_refused_with_every_complaint(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "models.toml"
    path.write_text(BAD_CATALOGUE)
    bad = dataclasses.replace(settings, catalog=CatalogSettings(str(path)))
    complaints = refusals(bad, capsys)
    assert len(complaints) == 2
    assert all(line.startswith("atp: catalogue: models.toml") for line in complaints)
    assert "context_tokens" in complaints[0]
    assert "input_usd_per_million_tokens" in complaints[1]


def test_a_catalogue_that_is_not_there_is_refused_by_name(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = dataclasses.replace(settings, catalog=CatalogSettings(str(tmp_path / "ghost.toml")))
    (complaint,) = refusals(missing, capsys)
    assert "ghost.toml: cannot be read" in complaint


@pytest.mark.parametrize("profile", ["ci", "prod"])
def test_a_server_that_nobody_could_call_is_refused_outside_the_dev_profile(
    settings: Settings, capsys: pytest.CaptureFixture[str], profile: str
) -> None:
    keyless = dataclasses.replace(settings, profile=profile, auth=AuthSettings(()))  # type: ignore[arg-type]
    (complaint,) = refusals(keyless, capsys)
    assert "nobody could call" in complaint
    assert "atp key new" in complaint


@pytest.mark.parametrize("listener", ["server", "ops"])
def test_a_taken_port_is_refused_by_its_number_and_the_setting_to_change(
    settings: Settings, capsys: pytest.CaptureFixture[str], listener: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        section = ServerSettings(port=port) if listener == "server" else OpsSettings(port=port)
        (complaint,) = refusals(dataclasses.replace(settings, **{listener: section}), capsys)  # type: ignore[arg-type]
    assert f"127.0.0.1:{port}" in complaint
    assert f"ATP_{listener.upper()}_PORT" in complaint


async def save_checkpoint(database: Path, data: bytes) -> None:
    store = await open_sqlite_store(database, replica="r", clock=SystemClock())
    await store.save_checkpoint("default", data)
    await store.close()


def test_a_damaged_checkpoint_is_refused_and_left_as_it_is(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    database = Path(settings.data_dir) / "atp.db"
    asyncio.run(save_checkpoint(database, b"rubbish"))
    (complaint,) = refusals(settings, capsys)
    assert "checkpoint is damaged" in complaint
    with sqlite3.connect(database) as connection:
        assert connection.execute("SELECT data FROM checkpoints").fetchall() == [(b"rubbish",)]
    connection.close()


def _empty_pepper(folder: Path) -> None:
    (folder / "pepper").write_text("short\n")


def _lose_pepper(folder: Path) -> None:
    (folder / "pepper").unlink()


def _scramble_sealing_keys(folder: Path) -> None:
    (folder / "sealing_keys.json").write_text("{")


def _open_to_others(folder: Path) -> None:
    (folder / "pepper").chmod(0o644)


def _foreign_database(folder: Path) -> None:
    (folder / "atp.db").write_bytes(b"this is no database at all, " * 200)


def _scramble_keys(folder: Path) -> None:
    (folder / "keys.json").write_text("[]")
    (folder / "keys.json").chmod(0o600)


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (_empty_pepper, "pepper"),
        (_lose_pepper, "pepper"),
        (_scramble_sealing_keys, "sealing_keys.json"),
        (_open_to_others, "pepper"),
        (_foreign_database, "atp.db"),
        (_scramble_keys, "keys.json"),
    ],
)
def test_a_damaged_data_folder_is_refused_by_the_name_of_the_file(
    settings: Settings, capsys: pytest.CaptureFixture[str], damage: Callable[[Path], None], named: str
) -> None:
    damage(Path(settings.data_dir))
    (complaint,) = refusals(settings, capsys)
    assert named in complaint


def test_keys_that_cannot_be_used_are_refused_all_at_once(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    (key,) = settings.auth.keys
    twice = (key, key, dataclasses.replace(key, id="other"), dataclasses.replace(key, id="other"))
    complaints = refusals(dataclasses.replace(settings, auth=AuthSettings(twice)), capsys)
    assert len(complaints) >= 2
    assert all(line.startswith("atp: keys: ") for line in complaints)


def test_a_demanded_native_engine_that_is_not_there_is_refused_with_the_way_to_get_it(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native, "atp_native", None)
    (complaint,) = refusals(dataclasses.replace(settings, engine=EngineSettings("native")), capsys)
    assert "make setup" in complaint


async def test_a_data_folder_in_use_by_another_server_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        with pytest.raises(StoreFailure, match="in use by process"):
            async with open_app(server.app.rooms.settings):
                pytest.fail("two servers share one data folder")
        await server.acme.route(prompt())


async def test_without_the_native_engine_auto_serves_on_the_reference_and_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native, "atp_native", None)
    async with serving(tmp_path) as server:
        assert server.app.rooms.engine.name == "reference"
        (notice,) = server.app.rooms.notices
        assert "make setup" in notice


def test_a_refused_start_leaves_nothing_open(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The data folder can be opened, moved and used again at once."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken = ServerSettings(port=holder.getsockname()[1])
        refusals(dataclasses.replace(settings, server=taken), capsys)
    moved = shutil.move(settings.data_dir, tmp_path / "moved")
    open_secrets(Path(moved))

    async def open_again() -> str:
        async with serving(Path(moved)) as server:
            return server.target

    assert asyncio.run(open_again())


async def test_the_real_process_says_every_complaint_on_the_error_output_and_ends_with_two(tmp_path: Path) -> None:
    catalogue, config = tmp_path / "models.toml", tmp_path / "atp.toml"
    catalogue.write_text(BAD_CATALOGUE)
    config.write_text('[server]\nprot = 1\nport = "x"\n[policy]\nepsilon = 7\n')
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ATP_")}
    common = ["-m", "atp_grpc", "serve", f"--data-dir={tmp_path / 'data'}", "--ops-port=0"]

    async def end_of(*arguments: str) -> tuple[int | None, bytes, list[str]]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *common,
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
        )
        out, err = await process.communicate()
        return process.returncode, out, err.decode().splitlines()

    by_catalogue, by_config = await asyncio.gather(
        end_of("--port=0", f"--catalog={catalogue}"), end_of(f"--config={config}")
    )
    assert by_catalogue[:2] == (2, b"")
    complaints = [line for line in by_catalogue[2] if line.startswith("atp: catalogue: ")]
    assert len(complaints) == 2
    assert by_config[:2] == (2, b"")
    text = "\n".join(by_config[2])
    assert all(word in text for word in ("prot", "port", "epsilon", "atp.toml"))
    assert "Traceback" not in text + "\n".join(by_catalogue[2])
