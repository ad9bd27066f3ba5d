import pytest

from atp_grpc.client.targets import is_loopback


@pytest.mark.parametrize(
    "target",
    [
        "127.0.0.1:7443",
        "127.8.9.10:7443",
        "localhost:7443",
        "localhost",
        "atp.localhost:7443",
        "[::1]:7443",
        "::1",
        "dns:localhost:7443",
        "dns:///127.0.0.1:7443",
        "dns://8.8.8.8/localhost:7443",
        "ipv4:127.0.0.1:7443,127.0.0.2:7443",
        "ipv6:[::1]:7443",
        "unix:/run/atp.sock",
        "unix:///run/atp.sock",
        "unix-abstract:atp",
    ],
)
def test_a_target_on_this_machine_is_loopback(target: str) -> None:
    assert is_loopback(target)


@pytest.mark.parametrize(
    "target",
    [
        "",
        ":7443",
        "0.0.0.0:7443",
        "10.0.0.1:7443",
        "128.0.0.1:7443",
        "[2001:db8::1]:7443",
        "[::]:7443",
        "atp.example:7443",
        "localhost.example:7443",
        "127.0.0.1.example:7443",
        "dns:///atp.example:7443",
        "ipv4:127.0.0.1:7443,10.0.0.1:7443",
        "ipv6:[::1]:7443,[2001:db8::1]:7443",
        "xds:///atp",
    ],
)
def test_any_other_target_is_elsewhere(target: str) -> None:
    assert not is_loopback(target)
