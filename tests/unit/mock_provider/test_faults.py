"""Each fault looks to a client as it does when a provider has it."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from atp_grpc.mock_provider import Ended, Fault, MockProvider, Script, open_mock_provider
from tests.unit.mock_provider.asking import ANTHROPIC, DIALECTS, OPENAI, ask, is_complete, text_of

both = pytest.mark.parametrize("dialect", DIALECTS)


def words(came_text: str) -> int:
    return len(came_text.split())


def asking_for_usage(dialect: str, *, stream: bool) -> dict[str, Any]:
    return {"stream": stream} | ({"stream_options": {"include_usage": True}} if stream and dialect == OPENAI else {})


@both
@pytest.mark.parametrize("after", [0, 1, 7, 20])
@pytest.mark.parametrize("size", [1, 3])
async def test_a_cut_stream_never_looks_complete_and_has_as_many_tokens_as_were_wanted(
    mock: MockProvider, dialect: str, after: int, size: int
) -> None:
    mock.script("m", Script(fault=Fault.CUT, after_tokens=after, tokens_per_chunk=size))
    came = await ask(mock, dialect, stream=True)

    assert came.error is not None
    assert not is_complete(came, dialect)
    assert words(text_of(came, dialect)) == mock.calls[-1].sent_tokens == after
    assert mock.calls[-1].ended is Ended.CUT


@both
async def test_a_cut_answer_in_one_piece_breaks_off_in_its_middle(mock: MockProvider, dialect: str) -> None:
    mock.script("m", Script(fault=Fault.CUT))
    came = await ask(mock, dialect)

    assert came.error is not None
    with pytest.raises(json.JSONDecodeError):
        json.loads(came.text)


@both
@pytest.mark.parametrize("fault", [Fault.MALFORMED, Fault.MISFRAMED, Fault.UNFINISHED])
async def test_a_broken_answer_in_one_piece_is_complete_http_and_no_json(
    mock: MockProvider, dialect: str, fault: Fault
) -> None:
    mock.script("m", Script(fault=fault))
    came = await ask(mock, dialect)

    assert (came.status, came.error) == (200, None)
    with pytest.raises(json.JSONDecodeError):
        json.loads(came.text)


@both
async def test_faults_of_events_have_their_like_in_an_answer_in_one_piece(mock: MockProvider, dialect: str) -> None:
    mock.script("m", Script(fault=Fault.ERROR_EVENT, calls=1))
    mock.script("m", Script(fault=Fault.OVERSIZED, oversized_bytes=1 << 20, calls=1))

    assert (await ask(mock, dialect)).status == 500
    big = await ask(mock, dialect)
    assert len(big.text) > 1 << 20
    assert big.document["model"] == "m"


@both
async def test_an_unfinished_stream_ends_well_but_never_says_that_it_is_complete(
    mock: MockProvider, dialect: str
) -> None:
    mock.script("m", Script(fault=Fault.UNFINISHED, after_tokens=4))
    came = await ask(mock, dialect, stream=True)

    assert came.error is None
    assert not is_complete(came, dialect)
    assert words(text_of(came, dialect)) == 4


@both
@pytest.mark.parametrize("fault", [Fault.MALFORMED, Fault.MISFRAMED])
@pytest.mark.parametrize("after", [4, 20])
async def test_one_broken_event_in_the_middle_is_no_json_and_the_rest_follows(
    mock: MockProvider, dialect: str, fault: Fault, after: int
) -> None:
    mock.script("m", Script(fault=fault, after_tokens=after))
    came = await ask(mock, dialect, stream=True)

    broken = [event for event in came.events if isinstance(event, str) and event != "[DONE]"]
    assert len(broken) == 1
    if fault is Fault.MALFORMED or after < 20:
        assert is_complete(came, dialect)


@both
async def test_an_error_in_the_middle_is_the_last_event(mock: MockProvider, dialect: str) -> None:
    mock.script("m", Script(fault=Fault.ERROR_EVENT, after_tokens=4))
    came = await ask(mock, dialect, stream=True)

    assert "error" in came.events[-1]
    assert words(text_of(came, dialect)) == 4


@both
async def test_an_oversized_event_is_one_line_of_valid_json(mock: MockProvider, dialect: str) -> None:
    mock.script("m", Script(fault=Fault.OVERSIZED, after_tokens=4, oversized_bytes=1 << 20))
    came = await ask(mock, dialect, stream=True)

    assert max(map(len, came.text.split("\n"))) > 1 << 20
    assert is_complete(came, dialect)


@both
@pytest.mark.parametrize("stream", [False, True])
async def test_a_reset_comes_before_any_status(mock: MockProvider, dialect: str, stream: bool) -> None:
    mock.script("m", Script(fault=Fault.RESET))
    came = await ask(mock, dialect, stream=stream)

    assert came.status is None
    assert mock.calls[-1].ended is Ended.CUT


REFUSED: dict[Fault, tuple[tuple[int, str | None], tuple[int, str]]] = {
    Fault.RATE_LIMITED: ((429, "rate_limit_exceeded"), (429, "rate_limit_error")),
    Fault.QUOTA_SPENT: ((429, "insufficient_quota"), (402, "billing_error")),
    Fault.OVERLOADED: ((503, None), (529, "overloaded_error")),
    Fault.SERVER_ERROR: ((500, None), (500, "api_error")),
    Fault.REFUSE_KEY: ((401, "invalid_api_key"), (401, "authentication_error")),
    Fault.INVALID: ((400, None), (400, "invalid_request_error")),
    Fault.CONTEXT_LENGTH: ((400, "context_length_exceeded"), (400, "invalid_request_error")),
    Fault.CONTENT_REFUSED: ((400, "content_policy_violation"), (400, "invalid_request_error")),
    Fault.REQUEST_TOO_LARGE: ((429, "rate_limit_exceeded"), (413, "request_too_large")),
    Fault.MODEL_UNKNOWN: ((404, "model_not_found"), (404, "not_found_error")),
}


@both
@pytest.mark.parametrize("fault", REFUSED)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_refusal_has_the_published_status_and_body(
    mock: MockProvider, dialect: str, fault: Fault, stream: bool
) -> None:
    mock.script("m", Script(fault=fault, retry_after_seconds=1.5))
    came = await ask(mock, dialect, stream=stream)

    error = came.document["error"]
    told = error["code"] if dialect == OPENAI else error["type"]
    assert (came.status, told) == REFUSED[fault][DIALECTS.index(dialect)]
    assert came.headers["retry-after"] == "1.5"
    assert (mock.calls[-1].ended, mock.calls[-1].status) == (Ended.REFUSED, came.status)


@both
async def test_a_page_of_a_proxy_is_html_with_200(mock: MockProvider, dialect: str) -> None:
    mock.script("m", Script(fault=Fault.NOT_THE_DIALECT))
    came = await ask(mock, dialect)

    assert (came.status, came.headers["content-type"]) == (200, "text/html; charset=utf-8")


@both
@pytest.mark.parametrize("stream", [False, True])
async def test_an_empty_answer_is_complete_and_has_no_tokens(mock: MockProvider, dialect: str, stream: bool) -> None:
    mock.script("m", Script(fault=Fault.EMPTY))
    came = await ask(mock, dialect, **asking_for_usage(dialect, stream=stream))

    assert text_of(came, dialect) == ""
    assert ('"completion_tokens":0' if dialect == OPENAI else '"output_tokens":0') in came.text
    assert not stream or is_complete(came, dialect)
    assert mock.calls[-1].ended is Ended.ANSWERED


@both
@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_can_tell_no_usage_or_a_wrong_one(mock: MockProvider, dialect: str, stream: bool) -> None:
    fields = asking_for_usage(dialect, stream=stream)
    mock.script("m", Script(fault=Fault.NO_USAGE, calls=1))
    mock.script("m", Script(fault=Fault.WRONG_USAGE, calls=1))
    silent = await ask(mock, dialect, **fields)
    wrong = await ask(mock, dialect, **fields)

    assert "put_tokens" not in silent.text
    assert "completion_tokens" not in silent.text
    assert ('"completion_tokens":200' if dialect == OPENAI else '"output_tokens":200') in wrong.text


@both
async def test_a_filter_ends_an_answer_and_says_so(mock: MockProvider, dialect: str) -> None:
    mock.script("m", Script(fault=Fault.FILTERED, after_tokens=2))
    came = await ask(mock, dialect)

    assert words(text_of(came, dialect)) == 2
    assert ('"content_filter"' if dialect == OPENAI else '"refusal"') in came.text


@both
async def test_a_key_is_asked_for_when_keys_were_given(dialect: str) -> None:
    async with open_mock_provider(keys=["right"], models=["m"]) as mock:
        assert (await ask(mock, dialect)).status == 401
        assert (await ask(mock, dialect, key="wrong")).status == 401
        assert (await ask(mock, dialect, key="right")).status == 200
        assert (await ask(mock, dialect, model="absent", key="right")).status == 404
        assert [call.key for call in mock.calls] == ["", "wrong", "right", "right"]


async def test_the_rates_of_openai_say_what_is_left_and_in_how_long_all_is(mock: MockProvider) -> None:
    for seconds, told in ((0.02, "20ms"), (1.0, "1s"), (90.5, "1m30.5s")):
        mock.script("m", Script(requests_left=3, tokens_left=250, reset_seconds=seconds))
        headers = (await ask(mock, OPENAI)).headers

        assert headers["x-ratelimit-remaining-requests"] == "3"
        assert headers["x-ratelimit-remaining-tokens"] == "250"
        assert headers["x-ratelimit-reset-requests"] == headers["x-ratelimit-reset-tokens"] == told


async def test_the_rates_of_anthropic_say_what_is_left_and_when_all_is(mock: MockProvider) -> None:
    mock.script("m", Script(requests_left=3, tokens_left=250, reset_seconds=3600))
    headers = (await ask(mock, ANTHROPIC)).headers

    assert headers["anthropic-ratelimit-requests-remaining"] == "3"
    assert headers["anthropic-ratelimit-output-tokens-remaining"] == "250"
    reset = dt.datetime.fromisoformat(headers["anthropic-ratelimit-tokens-reset"])
    assert abs(reset - dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)) < dt.timedelta(minutes=5)
