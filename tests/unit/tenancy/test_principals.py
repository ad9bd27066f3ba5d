"""A credential stands for one principal, and a wrong one learns nothing from its refusal."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.domain.errors import CredentialRefusedError
from atp_grpc.domain.tenant import Permission, Principal
from atp_grpc.secrets.credentials import Credential, digest, new_key
from atp_grpc.tenancy.keys import StoredKey
from atp_grpc.tenancy.principals import KeysError, Principals

PEPPER = b"p" * 32
ACME, ACME_NEXT, GLOBEX = (new_key("ci") for _ in range(3))


def kept(key: Credential, tenant: str, *permissions: str) -> StoredKey:
    return StoredKey(key.key_id, tenant, digest(PEPPER, key.secret), permissions or ("route",))


KEYS = (kept(ACME, "acme", "route", "observe"), kept(ACME_NEXT, "acme", "operate"), kept(GLOBEX, "globex"))


@pytest.fixture
def principals() -> Principals:
    return Principals(KEYS, PEPPER)


def bearer(key: Credential) -> str:
    return f"Bearer {key.text()}"


def test_a_credential_gives_its_tenant_and_permissions(principals: Principals) -> None:
    permissions = frozenset({Permission.ROUTE, Permission.OBSERVE})

    assert principals.identify(bearer(ACME)) == Principal("acme", ACME.key_id, permissions)


def test_a_tenant_may_have_two_keys_at_once(principals: Principals) -> None:
    first, second = principals.identify(bearer(ACME)), principals.identify(bearer(ACME_NEXT))

    assert first.tenant == second.tenant == "acme"
    assert first.permissions != second.permissions


def test_tenants_are_told_apart(principals: Principals) -> None:
    assert principals.identify(bearer(GLOBEX)).tenant == "globex"


def test_the_second_time_gives_the_same_principal(principals: Principals) -> None:
    assert principals.identify(bearer(ACME)) is principals.identify(bearer(ACME))


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER ", "Bearer  "])
def test_the_scheme_may_be_in_any_case(principals: Principals, scheme: str) -> None:
    assert principals.identify(scheme + ACME.text()).tenant == "acme"


WRONG = {
    "none": None,
    "empty": "",
    "scheme_only": "Bearer ",
    "no_scheme": ACME.text(),
    "other_scheme": f"Basic {ACME.text()}",
    "two_credentials": f"{bearer(ACME)}, {bearer(GLOBEX)}",
    "other_form": "Bearer sk-123",
    "secret_of_another": bearer(Credential("ci", ACME.key_id, GLOBEX.secret)),
    "unknown_id": bearer(Credential("ci", "nobody", ACME.secret)),
    "wrong_last_letter": bearer(ACME)[:-1] + ("a" if bearer(ACME)[-1] != "a" else "b"),
    "line_break": bearer(ACME) + "\n",
    "not_ascii": "Bearer \udcff\u0663",
    "very_long": "Bearer " + "a" * 1_000_000,
}


@pytest.mark.parametrize("wrong", WRONG)
def test_anything_else_is_refused_in_the_same_words(principals: Principals, wrong: str) -> None:
    principals.identify(bearer(ACME))

    with pytest.raises(CredentialRefusedError) as refused:
        principals.identify(WRONG[wrong])
    assert refused.value.message == CredentialRefusedError().message
    assert refused.value.metadata == {}


@given(st.text(max_size=300))
def test_whatever_is_sent_is_refused_cleanly(text: str) -> None:
    with pytest.raises(CredentialRefusedError):
        Principals(KEYS, PEPPER).identify(text)


def test_a_digest_is_not_a_credential(principals: Principals) -> None:
    with pytest.raises(CredentialRefusedError):
        principals.identify(f"Bearer atp_ci_{ACME.key_id}_{digest(PEPPER, ACME.secret)[:43]}")


def test_another_pepper_knows_nobody() -> None:
    with pytest.raises(CredentialRefusedError):
        Principals(KEYS, b"q" * 32).identify(bearer(ACME))


def test_no_keys_means_nobody() -> None:
    with pytest.raises(CredentialRefusedError):
        Principals((), PEPPER).identify(bearer(ACME))


def test_no_more_credentials_are_remembered_than_allowed() -> None:
    principals = Principals(KEYS, PEPPER, remembered=2)
    for spaces in range(1, 10):
        assert principals.identify(f"Bearer{' ' * spaces}{ACME.text()}").tenant == "acme"
        assert len(principals._remembered) <= 2


def test_a_refused_credential_is_not_remembered(principals: Principals) -> None:
    with pytest.raises(CredentialRefusedError):
        principals.identify(WRONG["secret_of_another"])

    assert principals._remembered == {}


def test_what_is_remembered_is_no_credential(principals: Principals) -> None:
    principals.identify(bearer(ACME))

    assert ACME.secret not in repr(vars(principals))


@dataclass(frozen=True)
class FromSettings:
    """A key as other rooms may hold it: any object with these four names will do."""

    id: str
    tenant: str
    digest: str
    permissions: tuple[Permission, ...]


def test_keys_may_come_from_anywhere() -> None:
    key = FromSettings(ACME.key_id, "acme", digest(PEPPER, ACME.secret), (Permission.OPERATE,))

    assert Principals([key], PEPPER).identify(bearer(ACME)).permissions == {Permission.OPERATE}


def test_every_complaint_about_keys_comes_at_once() -> None:
    keys = [
        StoredKey("twice", "acme", "0" * 64, ("route",)),
        StoredKey("twice", "globex", "1" * 64, ("rule", "route", "reign")),
        StoredKey("bare", "", "01", ("route",)),
        StoredKey("all", "-", "2" * 64, ("read_decisions",)),
    ]

    with pytest.raises(KeysError) as refused:
        Principals(keys, PEPPER)
    assert refused.value.complaints == (
        "2 keys have the id 'twice'",
        "key 'twice': there is no permission 'rule'",
        "key 'twice': there is no permission 'reign'",
        "key 'bare': the tenant is empty",
        "key 'bare': the digest is not 64 hex digits",
        "key 'all': the tenant '-' stands for every tenant",
    )
