"""TLS on a real socket: who is let in, what is refused, and certificates that change while calls are served."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import grpc
import pytest

from atp_grpc.app import serve
from atp_grpc.app.serving import REFUSED
from atp_grpc.cli.program import run
from atp_grpc.client import AtpCallError, AtpClient, InsecureTargetError
from atp_grpc.client.messages import HealthCheckResponse, RouteRequest
from atp_grpc.config import OpsSettings, ServerSettings, TlsSettings
from tests.authority import DAY, Authority, Issued
from tests.faults.battery import report
from tests.rpc.certificates import (
    SecureServing,
    TlsFolder,
    handshake,
    key_of,
    route_on_a_new_connection,
    secure_serving,
)
from tests.rpc.provoking import prompt
from tests.rpc.serving import ACME, key_for, settings_for
from tests.rpc.waiting import until


@pytest.fixture
async def secure(tmp_path: Path) -> AsyncIterator[SecureServing]:
    async with secure_serving(tmp_path) as opened:
        yield opened


def lines(secure: SecureServing, event: str) -> list[dict[str, object]]:
    secure.server.app.rooms.instruments.logs.writer.flush()
    return [line for line in map(json.loads, secure.log.getvalue().splitlines()) if line["event"] == event]


async def served(secure: SecureServing, issued: Issued) -> None:
    """Waits until a certificate is in force."""
    certificate = secure.server.app.door.certificate
    assert certificate is not None
    await until(lambda: certificate.pair.certificate == issued.certificate)


async def test_two_tenants_are_served_over_tls(secure: SecureServing) -> None:
    for client in (secure.server.acme, secure.server.globex):
        assert (await client.route(prompt())).decision_id

    assert (await secure.server.acme.health()).status == HealthCheckResponse.SERVING
    assert secure.server.app.door.addresses == (f"127.0.0.1:{secure.port} (TLS)",)


async def test_a_caller_without_tls_fails_at_once_and_harms_nobody(secure: SecureServing) -> None:
    async with AtpClient.open(secure.server.target, credential=key_of(secure), deadline_seconds=5) as plain:
        with pytest.raises(AtpCallError) as raised:
            await plain.health()

    assert raised.value.code == "UNAVAILABLE"
    assert (await secure.server.acme.route(prompt())).decision_id


async def test_a_caller_that_trusts_another_authority_is_not_taken_in(secure: SecureServing) -> None:
    stranger = Authority("stranger").root

    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await route_on_a_new_connection(secure.server.target, stranger, key_of(secure))
    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_tls_1_2_and_1_3_are_spoken_with_http_2(secure: SecureServing, version: ssl.TLSVersion) -> None:
    context = ssl.create_default_context(cadata=secure.files.authority.root.decode())
    context.minimum_version = context.maximum_version = version

    shown = await handshake(secure.port, secure.files.authority.root, context)

    assert (shown.version, shown.protocol) == (version.name.replace("_", "."), "h2")
    assert shown.serial == secure.first.serial
    assert shown.greeting[3] == 4, "the first frame of HTTP/2 is SETTINGS"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_older_versions_are_refused(secure: SecureServing, version: ssl.TLSVersion) -> None:
    context = ssl.create_default_context(cadata=secure.files.authority.root.decode())
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version

    # The server hangs up; a version that this machine's own library will not speak would be another error.
    with pytest.raises((ConnectionError, ssl.SSLEOFError)):
        await handshake(secure.port, secure.files.authority.root, context)


@pytest.mark.parametrize("protocols", [[], ["http/1.1"]])
async def test_a_caller_that_does_not_offer_http_2_is_sent_away(secure: SecureServing, protocols: list[str]) -> None:
    context = ssl.create_default_context(cadata=secure.files.authority.root.decode())
    if protocols:
        context.set_alpn_protocols(protocols)
    reader, writer = await asyncio.open_connection("127.0.0.1", secure.port, ssl=context, server_hostname="localhost")

    assert await asyncio.wait_for(reader.read(64), 5) == b""
    writer.close()


async def test_a_renewed_certificate_is_served_to_new_connections_and_old_ones_live_on(secure: SecureServing) -> None:
    await secure.server.acme.route(prompt())
    renewed = secure.files.renew()
    await served(secure, renewed)

    assert (await handshake(secure.port, secure.files.authority.root)).serial == renewed.serial
    assert (await secure.server.acme.route(prompt())).decision_id
    assert [line["subject"] for line in lines(secure, "certificate changed")] == ["CN=atp"]


async def rotate_under_load(secure: SecureServing, rotations: int, callers: int) -> tuple[int, list[str], set[int]]:
    """Renews again and again while callers come on new connections; gives calls, failures and serials not shown."""
    root = secure.files.authority.root
    calls, failures, missed, is_over = 0, [], set(), asyncio.Event()

    async def caller(tenant: str) -> None:
        nonlocal calls
        credential = secure.server.credentials[tenant]
        while not is_over.is_set():
            calls += 1
            try:
                await route_on_a_new_connection(secure.server.target, root, credential)
            except grpc.aio.AioRpcError as error:
                failures.append(f"{error.code().name}: {error.details()}")

    tenants = list(secure.server.credentials)
    working = [asyncio.create_task(caller(tenants[number % 2])) for number in range(callers)]
    for _ in range(rotations):
        renewed = secure.files.renew()
        await served(secure, renewed)
        if (await handshake(secure.port, root)).serial != renewed.serial:
            missed.add(renewed.serial)
    is_over.set()
    await asyncio.gather(*working)
    return calls, failures, missed


async def test_no_call_is_lost_while_the_certificate_is_renewed_again_and_again(secure: SecureServing) -> None:
    calls, failures, missed = await rotate_under_load(secure, rotations=12, callers=6)

    assert failures == []
    assert missed == set()
    assert calls >= 24
    assert lines(secure, "certificate refused") == []


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_no_call_is_lost_over_five_hundred_renewals(secure: SecureServing) -> None:
    calls, failures, missed = await rotate_under_load(secure, rotations=500, callers=8)

    report(
        "F3-rotation",
        n=calls,
        figure={"failed": len(failures), "renewals": 500, "renewals not served": len(missed)},
        bar="0 failed, every renewal served",
        passed=not failures and not missed,
    )
    assert (failures, missed) == ([], set())


def _cut(files: TlsFolder) -> None:
    files.certificate.write_bytes(files.certificate.read_bytes()[:200])


def _wrong_key(files: TlsFolder) -> None:
    files.key.write_bytes(files.authority.issue().key)


def _empty(files: TlsFolder) -> None:
    files.certificate.write_bytes(b"")


def _delete(files: TlsFolder) -> None:
    files.certificate.unlink()
    files.key.unlink()


def _expired(files: TlsFolder) -> None:
    files.authority.issue(begins=-2 * DAY, life=DAY).write(files.certificate, files.key)


@pytest.mark.parametrize("accident", [_cut, _wrong_key, _empty, _delete, _expired])
async def test_bad_files_are_refused_counted_and_told_while_the_last_good_certificate_serves(
    secure: SecureServing, accident: Callable[[TlsFolder], None]
) -> None:
    certificate = secure.server.app.door.certificate
    assert certificate is not None
    accident(secure.files)
    await until(lambda: certificate.status.failure)

    assert (await handshake(secure.port, secure.files.authority.root)).serial == secure.first.serial
    registry = secure.server.app.rooms.instruments.metrics.registry
    assert registry.get_sample_value("atp_tls_certificate_loads_total", {"result": "refused"}) == 1
    [line] = lines(secure, "certificate refused")
    assert str(line["failure"]).startswith(str(secure.files.folder))

    renewed = secure.files.renew()
    await until(lambda: not certificate.status.failure)
    assert (await handshake(secure.port, secure.files.authority.root)).serial == renewed.serial
    assert registry.get_sample_value("atp_tls_certificate_loads_total", {"result": "served"}) == 1


async def test_the_expiry_is_a_metric_and_a_check(secure: SecureServing) -> None:
    door = secure.server.app.door
    assert door.certificate is not None
    await door.checkup.look()

    registry = secure.server.app.rooms.instruments.metrics.registry
    expiry = registry.get_sample_value("atp_tls_certificate_expiry_seconds")
    assert expiry == door.certificate.status.expires_nanos / 1e9
    [found] = [result for result in door.checkup.results if result.name == "certificate"]
    assert (found.state.word, found.sentence[:11]) == ("healthy", "expires at ")


async def test_a_second_listener_on_loopback_speaks_clear_text_beside_tls(tmp_path: Path) -> None:
    server = ServerSettings(port=0, loopback_port=0, drain_delay_seconds=0.0)
    async with secure_serving(tmp_path, server=server) as secure:
        door = secure.server.app.door
        beside = f"127.0.0.1:{door.loopback_port}"
        async with AtpClient.open(beside, credential=key_of(secure)) as plain:
            assert (await plain.route(prompt())).decision_id

        assert door.loopback_port not in {-1, 0, door.grpc_port}
        assert door.addresses == (f"127.0.0.1:{door.grpc_port} (TLS)", beside)


async def test_a_server_on_every_address_reaches_itself_to_renew(tmp_path: Path) -> None:
    server = ServerSettings(host="0.0.0.0", port=0, drain_delay_seconds=0.0)
    async with secure_serving(tmp_path, server=server) as secure:
        renewed = secure.files.renew()
        await served(secure, renewed)

        assert secure.server.app.door.notices == ()
        assert (await handshake(secure.port, secure.files.authority.root)).serial == renewed.serial


async def test_the_command_line_connects_with_the_authority_it_is_given(
    secure: SecureServing, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATP_TARGET", secure.server.target)
    monkeypatch.setenv("ATP_KEY", key_of(secure))
    root = str(secure.files.root)

    assert await asyncio.to_thread(run, ["route", "hello", "--ca", root, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["decision_id"]

    assert await asyncio.to_thread(run, ["health", "--secure"]) == 1
    assert "no server answers" in capsys.readouterr().err

    monkeypatch.setenv("ATP_CLIENT_CA_PATH", root)
    assert await asyncio.to_thread(run, ["health"]) == 0


def test_a_certificate_that_cannot_be_served_refuses_the_start_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = TlsFolder(tmp_path)
    files.renew()
    _expired(files)
    _, key = key_for(tmp_path / "data", ACME)
    settings = settings_for(tmp_path / "data", (key,), tls=files.settings(), ops=OpsSettings(port=-1))

    assert serve(settings) == REFUSED
    [complaint] = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("{")]
    assert complaint.startswith(f"atp: tls: {files.certificate}: 'CN=atp' expired at ")


def test_files_that_are_not_there_refuse_the_start_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, key = key_for(tmp_path / "data", ACME)
    nowhere = TlsSettings(str(tmp_path / "a.crt"), str(tmp_path / "a.key"))

    assert serve(settings_for(tmp_path / "data", (key,), tls=nowhere)) == REFUSED
    assert "a.crt: cannot be read: No such file or directory" in capsys.readouterr().err


async def test_a_key_does_not_leave_this_machine_without_tls() -> None:
    with pytest.raises(InsecureTargetError):
        async with AtpClient.open("atp.example:7443", credential="atp_dev_1_x") as client:
            await client.route(RouteRequest(prompt="hello"))
