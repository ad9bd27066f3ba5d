"""What a server answers is shown whole, whatever release the server is."""

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.cli import wording
from atp_grpc.client import messages as m


@given(st.binary(min_size=1, max_size=300))
def test_a_token_that_is_printed_can_be_typed(token: bytes) -> None:
    text = wording.token_text(token)

    assert wording.token_bytes(text) == token
    assert text.replace("-", "").replace("_", "").isalnum()


def test_padding_and_the_newline_of_a_pipe_do_no_harm() -> None:
    assert wording.token_bytes("_w==\n") == b"\xff"


def test_a_token_in_plain_base64_is_taken_too() -> None:
    assert wording.token_bytes("/+8=") == b"\xff\xef"


@pytest.mark.parametrize("text", ["", "not a token!", "ü", "a", "=="])
def test_text_that_is_no_token_is_none(text: str) -> None:
    assert wording.token_bytes(text) is None


def test_enum_values_are_shown_as_words() -> None:
    assert wording.word(m.RefusalCause, m.RefusalCause.REFUSAL_CAUSE_MAX_COST, "REFUSAL_CAUSE_") == "max cost"


def test_an_enum_value_of_a_later_release_is_shown_as_its_number() -> None:
    assert wording.word(m.RefusalCause, 999, "REFUSAL_CAUSE_") == "unknown (999)"


@pytest.mark.parametrize(
    ("deployment", "provider", "words"),
    [("eu", "acme", "eu (acme)"), ("swift@acme", "acme", "swift@acme"), ("swift@acme", "", "swift@acme"), ("", "", "")],
)
def test_a_provider_is_named_once(deployment: str, provider: str, words: str) -> None:
    assert wording.place(deployment, provider) == words


def test_a_row_that_names_the_model_does_not_name_it_again() -> None:
    assert wording.served_at(m.Target(model="swift", deployment="swift@acme", provider="acme")) == "acme"
    assert wording.served_at(m.Target(model="swift", deployment="quick@acme", provider="acme")) == "quick@acme"
    assert wording.served_at(m.Target(model="swift", deployment="eu", provider="acme")) == "eu (acme)"


def test_a_moment_that_was_not_set_is_nothing() -> None:
    response = m.RouteResponse()
    assert wording.moment(response.decided_at) == ""
    response.decided_at.FromJsonString("2026-01-02T03:04:05Z")
    assert wording.moment(response.decided_at) == "2026-01-02T03:04:05Z"


@given(st.binary(min_size=1, max_size=40))
def test_the_document_of_a_message_can_be_read_back_as_that_message(token: bytes) -> None:
    response = m.RouteResponse(
        decision_id="d-1",
        feedback_token=token,
        expected=m.Expectation(cost_nano_usd=2**60),
        propensity=0.25,
        reason_codes=["REASON_CODE_EXPLORED"],
    )

    document = wording.document_of(response)

    assert json_format.ParseDict(document, m.RouteResponse()) == response
    assert document["feedback_token"] == wording.token_text(token)
    assert document["policy"] == ""
