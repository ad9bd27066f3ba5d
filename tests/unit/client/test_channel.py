"""Where a channel may go in clear text, and that TLS works against a real certificate."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from dataclasses import dataclass

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from atp_grpc.client import AtpCallError, AtpClient, InsecureTargetError, open_channel
from atp_grpc.client.messages import RouteRequest
from tests.unit.client.scripted_server import Scripted, handlers_of


@dataclass(frozen=True)
class Identity:
    certificate: bytes
    key: bytes


@pytest.fixture(scope="module")
def identity() -> Identity:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    today = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Identity(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


@pytest.fixture
async def secure_server(identity: Identity) -> AsyncIterator[Scripted]:
    scripted = Scripted()
    running = grpc.aio.server(handlers=handlers_of(scripted))
    credentials = grpc.ssl_server_credentials([(identity.key, identity.certificate)])
    scripted.target = f"localhost:{running.add_secure_port('localhost:0', credentials)}"
    await running.start()
    yield scripted
    await running.stop(grace=None)


def test_a_key_in_clear_text_never_leaves_the_machine_by_accident() -> None:
    with pytest.raises(InsecureTargetError, match=r"'atp\.example:7443' is not on this machine"):
        open_channel("atp.example:7443")


async def test_an_insecure_channel_to_another_machine_may_be_allowed_on_purpose() -> None:
    async with open_channel("atp.example:7443", allow_insecure=True) as channel:
        assert channel.get_state() is grpc.ChannelConnectivity.IDLE


async def test_a_proxy_of_the_environment_is_not_given_a_key_in_clear_text(
    server: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY", "no_grpc_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("grpc_proxy", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with AtpClient.open(server.target, credential="atp_dev_1_secret") as atp:
        answer = await atp.route(RouteRequest(prompt="hello"))

    assert answer.decision_id == "d-1"


async def test_tls_reaches_a_server_whose_certificate_is_trusted(secure_server: Scripted, identity: Identity) -> None:
    async with AtpClient.open(secure_server.target, secure=True, root_certificates=identity.certificate) as atp:
        answer = await atp.route(RouteRequest(prompt="hello"))

    assert answer.decision_id == "d-1"


async def test_tls_refuses_a_certificate_that_nobody_vouches_for(secure_server: Scripted) -> None:
    async with AtpClient.open(secure_server.target, secure=True) as atp:
        with pytest.raises(AtpCallError) as raised:
            await atp.route(RouteRequest(prompt="hello"))

    assert raised.value.code == "UNAVAILABLE"
    assert secure_server.received == []
