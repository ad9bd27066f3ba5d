"""A server on a Unix socket: for sidecars that share a folder with it, beside the port or in its place."""

from __future__ import annotations

import asyncio
import json
import signal
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest

from atp_grpc.app import App, open_app, serve
from atp_grpc.app.serving import REFUSED
from atp_grpc.cli.program import run
from atp_grpc.client import AtpClient
from atp_grpc.config import ServerSettings, Settings
from atp_grpc.transport.listening import SocketFileError
from tests.rpc.provoking import prompt
from tests.rpc.server_command import server_command
from tests.rpc.serving import ACME, GLOBEX, key_for, settings_for


@dataclass(frozen=True)
class Served:
    app: App
    path: Path
    credentials: dict[str, str]
    log: StringIO


def on_socket(tmp_path: Path, **fields: object) -> tuple[Settings, dict[str, str]]:
    """Settings of a server that listens on a Unix socket only, unless the fields say more."""
    given: dict[str, object] = {"port": -1, "unix_socket": str(tmp_path / "atp.sock"), "drain_delay_seconds": 0.0}
    server = ServerSettings(**{**given, **fields})  # type: ignore[arg-type]
    keys = {tenant: key_for(tmp_path / "data", tenant) for tenant in (ACME, GLOBEX)}
    settings = settings_for(tmp_path / "data", tuple(key for _, key in keys.values()), server=server)
    return settings, {tenant: credential for tenant, (credential, _) in keys.items()}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    settings, credentials = on_socket(tmp_path)
    log = StringIO()
    async with open_app(settings, log_stream=log) as app:
        yield Served(app, tmp_path / "atp.sock", credentials, log)


@pytest.mark.parametrize("form", ["unix:{}", "unix://{}"])
async def test_two_tenants_are_served_on_the_socket_without_a_port(served: Served, form: str) -> None:
    for credential in served.credentials.values():
        async with AtpClient.open(form.format(served.path), credential=credential) as client:
            assert (await client.route(prompt())).decision_id

    assert served.app.door.grpc_port == -1
    assert served.app.door.addresses == (f"unix:{served.path}",)


async def test_a_relative_path_is_a_target_too(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(served.path.parent)
    async with AtpClient.open("unix:atp.sock", credential=served.credentials[ACME]) as client:
        assert (await client.route(prompt())).decision_id


async def test_the_log_says_that_a_caller_came_through_the_socket(served: Served) -> None:
    async with AtpClient.open(f"unix:{served.path}", credential=served.credentials[GLOBEX]) as client:
        await client.route(prompt())
    served.app.rooms.instruments.logs.writer.flush()
    [line] = [line for line in map(json.loads, served.log.getvalue().splitlines()) if line["event"] == "call"]

    assert line["peer"].startswith("unix:")
    assert line["tenant"] == GLOBEX


async def test_only_the_owner_may_connect_unless_the_group_is_let_in(tmp_path: Path, served: Served) -> None:
    assert stat.S_IMODE(served.path.stat().st_mode) == 0o600

    (tmp_path / "other").mkdir()
    settings, _ = on_socket(tmp_path / "other", unix_socket_mode="0660")
    async with open_app(settings):
        assert stat.S_IMODE((tmp_path / "other" / "atp.sock").stat().st_mode) == 0o660


async def test_the_socket_is_gone_after_an_orderly_end(tmp_path: Path) -> None:
    settings, _ = on_socket(tmp_path)
    async with open_app(settings):
        assert (tmp_path / "atp.sock").exists()

    assert names(tmp_path) == ["data"]


async def test_port_and_socket_serve_side_by_side(tmp_path: Path) -> None:
    settings, credentials = on_socket(tmp_path, port=0)
    async with open_app(settings) as app:
        for target in (f"127.0.0.1:{app.door.grpc_port}", f"unix:{tmp_path / 'atp.sock'}"):
            async with AtpClient.open(target, credential=credentials[ACME]) as client:
                assert (await client.route(prompt())).decision_id
        assert app.door.addresses == (f"127.0.0.1:{app.door.grpc_port}", f"unix:{tmp_path / 'atp.sock'}")


async def test_a_second_server_on_the_socket_is_refused_and_the_first_serves_on(served: Served, tmp_path: Path) -> None:
    (tmp_path / "second").mkdir()
    settings, _ = on_socket(tmp_path / "second", unix_socket=str(served.path))

    with pytest.raises(SocketFileError) as refused:
        async with open_app(settings):
            pytest.fail("two servers share one socket")
    assert str(refused.value) == (
        f"cannot listen on unix:{served.path} for gRPC: another server listens there; "
        "choose another with ATP_SERVER_UNIX_SOCKET"
    )
    async with AtpClient.open(f"unix:{served.path}", credential=served.credentials[ACME]) as client:
        assert (await client.route(prompt())).decision_id


def test_a_refused_socket_ends_the_start_with_its_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings, _ = on_socket(tmp_path, unix_socket=str(tmp_path / "nowhere" / "atp.sock"))

    assert serve(settings) == REFUSED
    [complaint] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("atp: ")]
    assert "No such file or directory" in complaint


async def test_a_start_that_is_refused_at_the_socket_gives_the_port_back(tmp_path: Path) -> None:
    (tmp_path / "atp.sock").write_text("no socket")
    settings, _ = on_socket(tmp_path, port=0, loopback_port=0)
    with pytest.raises(SocketFileError, match="something that is no socket stands there"):
        async with open_app(settings):
            pytest.fail("it started")

    (tmp_path / "atp.sock").unlink()
    async with open_app(settings) as app:
        assert app.door.grpc_port > 0


async def test_what_a_killed_server_left_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "atp.sock"
    settings = ("--profile=dev", f"--set=server.unix_socket={path}")
    async with server_command(tmp_path / "data", *settings) as first:
        assert first.said[-1].startswith(f"atp: ready on {first.target} and unix:{path}, ")
        await first.signal(signal.SIGKILL)
        await first.end()
    assert path.exists()

    async with server_command(tmp_path / "data", *settings) as second:
        async with AtpClient.open(f"unix:{path}") as client:
            assert (await client.health()).status == 1
        await second.signal(signal.SIGTERM)
        assert await second.end() == 0
    assert names(tmp_path) == ["data"]


async def test_the_command_line_calls_through_the_socket_without_tls(
    served: Served, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATP_KEY", served.credentials[ACME])

    assert await asyncio.to_thread(run, ["route", "hello", "--target", f"unix://{served.path}", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["decision_id"]


async def test_a_reachable_port_without_tls_is_told_at_the_start(tmp_path: Path) -> None:
    settings, _ = on_socket(tmp_path, host="0.0.0.0", port=0)
    async with open_app(settings) as app:
        [notice] = app.door.notices
        assert notice.startswith("keys travel in clear text: 0.0.0.0 is reached from other machines")

    quiet, _ = on_socket(tmp_path, host="0.0.0.0")
    async with open_app(quiet) as app:
        assert app.door.notices == ()
