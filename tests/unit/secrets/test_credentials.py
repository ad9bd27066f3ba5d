"""API keys: one form, 256 bits, and a digest that says nothing."""

from __future__ import annotations

import hashlib
import hmac
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.secrets.credentials import Credential, digest, new_key, parse_key

words = st.text(st.sampled_from("abcABC019"), min_size=1, max_size=32)
secrets = st.text(st.sampled_from("abcABC019"), min_size=43, max_size=43)


def test_a_new_key_has_the_form_that_secret_scanners_look_for() -> None:
    assert re.fullmatch(r"atp_dev_[A-Za-z0-9]{12}_[A-Za-z0-9]{43}", new_key("dev").text())


def test_new_keys_share_neither_id_nor_secret() -> None:
    keys = [new_key("prod") for _ in range(200)]

    assert len({key.key_id for key in keys}) == 200
    assert len({key.secret for key in keys}) == 200


def test_every_letter_of_the_alphabet_is_used() -> None:
    assert len(set("".join(new_key("dev").secret for _ in range(200)))) == 62


@pytest.mark.parametrize("environment", ["", "Dev", "dev_1", "d" * 17, "dev ", "é"])
def test_an_environment_that_would_break_the_form_is_refused(environment: str) -> None:
    with pytest.raises(ValueError, match="lower-case letters"):
        new_key(environment)


@given(st.from_regex("[a-z]{1,16}", fullmatch=True), words, secrets)
def test_a_key_reads_as_what_it_was_written_from(environment: str, key_id: str, secret: str) -> None:
    credential = Credential(environment, key_id, secret)

    assert parse_key(credential.text()) == credential


@given(st.text(max_size=80))
def test_other_text_is_no_key(text: str) -> None:
    parsed = parse_key(text)

    assert parsed is None or parsed.text() == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "atp_dev_id_",
        f"atp_dev__{'a' * 43}",
        f"atp_dev_id_{'a' * 42}",
        f"atp_dev_id_{'a' * 44}",
        f"ATP_dev_id_{'a' * 43}",
        f"atp_dev_id_{'a' * 43}\n",
        f"atp_dev_id_{'a' * 42}é",
        f"atp_dev_id_{'a' * 42}٣",
        f"sk_dev_id_{'a' * 43}",
    ],
)
def test_a_near_miss_is_no_key(text: str) -> None:
    assert parse_key(text) is None


def test_a_digest_is_the_hmac_of_the_secret_under_the_pepper() -> None:
    assert digest(b"pepper", "secret") == hmac.new(b"pepper", b"secret", hashlib.sha256).hexdigest()


def test_a_secret_hides_itself_from_repr() -> None:
    key = new_key("dev")

    assert key.secret not in repr(key)
