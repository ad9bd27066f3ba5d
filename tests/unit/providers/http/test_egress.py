from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.providers.http.egress import EgressRule, is_public
from atp_grpc.providers.http.target import Origin, origin_of, target_of

PRIVATE = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.100.100.200",
    "198.18.0.1",
    "224.0.0.1",
    "239.1.1.1",
    "255.255.255.255",
    "240.0.0.1",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "ff0e::1",
    "fec0::1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "no address",
    "",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_the_public_internet_is_refused(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "104.18.6.192", "2606:4700::6812:6c0", "64:ff9b::808:808"])
def test_public_addresses_are_let(address: str) -> None:
    assert is_public(address)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_no_way_of_embedding_an_address_makes_it_public(number: int) -> None:
    plain = IPv4Address(number)
    if is_public(str(plain)):
        return
    translated = IPv6Address(int(IPv6Address("64:ff9b::")) | number)
    tunnelled = IPv6Address(int(IPv6Address("2002::")) | number << 80)
    mapped = IPv6Address(int(IPv6Address("::ffff:0:0")) | number)

    assert not any(is_public(str(address)) for address in (translated, tunnelled, mapped))


@pytest.mark.parametrize(
    "address",
    [
        "http://api.openai.com/v1",
        "https://localhost/v1",
        "https://metadata.google.internal/v1",
        "https://printer.local/",
        "https://127.0.0.1/v1",
        "https://[::1]/v1",
        "https://169.254.169.254/latest/meta-data",
        "https://user:word@api.openai.com/v1",
        "https://api.openai.com/v1?key=1",
        "https://api.openai.com/v1#x",
        "https://api.openai.com:0/v1",
        "https://api.openai.com:99999/v1",
        "https://api.openai.com/v1\r\nx: y",
        "https://api.openai.com/a b",
        "ftp://api.openai.com/",
        "file:///etc/passwd",
        "gopher://x",
        "https://",
        "api.openai.com",
        "",
    ],
)
def test_an_address_is_refused_before_its_name_is_looked_up(address: str) -> None:
    assert EgressRule().refusal(address) is not None


def test_a_public_name_over_tls_is_let() -> None:
    assert EgressRule().refusal("https://api.openai.com/v1") is None


@pytest.mark.parametrize("address", ["http://Llama:8080/v1", "http://127.0.0.1:11434/v1", "https://[::1]:8443/v1"])
def test_a_target_that_an_operator_named_may_be_private_and_without_tls(address: str) -> None:
    rule = EgressRule({"LLAMA:8080", "127.0.0.1:11434", "[::1]:8443"})

    assert rule.refusal(address) is None
    assert rule.judges(origin_of(address), ["127.0.0.1"])


def test_naming_a_target_opens_no_other_port() -> None:
    rule = EgressRule({"127.0.0.1:11434"})

    assert rule.refusal("http://127.0.0.1:11435/v1") is not None
    assert not rule.judges(Origin(is_secure=True, host="api.openai.com", port=443), ["8.8.8.8", "127.0.0.1"])


def test_addresses_are_put_together_as_the_base_path_and_query_say() -> None:
    target = target_of("https://x.openai.azure.com/openai/", "/chat/completions", {"api-version": "2024 x"})

    assert target == (
        Origin(is_secure=True, host="x.openai.azure.com", port=443),
        "/openai/chat/completions?api-version=2024+x",
        "x.openai.azure.com",
    )
    assert target_of("http://[::1]:8080", "/models", {}).authority == "[::1]:8080"
