from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.providers.http.errors import NotHttp
from atp_grpc.providers.http.sse import MAX_EVENT_BYTES, EventStream


def events(*pieces: bytes) -> list[bytes]:
    stream = EventStream()
    return [data for piece in pieces for data in stream.feed(piece)]


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[start:end] for start, end in itertools.pairwise(edges)]


LINES = st.sampled_from(
    [
        b"data: a",
        b"data:b",
        b"data",
        b"data: ",
        b": comment",
        b"event: x",
        b"id: 1",
        b"",
        "data: é€😀".encode(),
        b"junk",
    ]
)
BREAKS = st.sampled_from([b"\n", b"\r\n", b"\r"])


@settings(deadline=None)
@given(st.lists(st.tuples(LINES, BREAKS), max_size=30), st.lists(st.integers(0, 1000), max_size=20))
def test_any_split_of_the_bytes_gives_the_same_events(lines: list[tuple[bytes, bytes]], places: list[int]) -> None:
    stream = b"".join(line + end for line, end in lines)

    assert events(*cut(stream, places)) == events(stream) == events(*[bytes([byte]) for byte in stream])


def test_lines_end_by_line_feed_carriage_return_or_both() -> None:
    assert events(b"data: a\n\ndata: b\r\n\r\ndata: c\r\r") == [b"a", b"b", b"c"]


def test_a_carriage_return_and_a_line_feed_in_two_pieces_are_one_line_end() -> None:
    assert events(b"data: a\r", b"\ndata: b\r", b"\n\r", b"\n") == [b"a\nb"]


def test_the_data_of_several_lines_is_joined() -> None:
    assert events(b"data: one\ndata:two\ndata:  three\n\n") == [b"one\ntwo\n three"]


def test_comments_names_ids_and_unknown_fields_are_read_over() -> None:
    assert events(b": hello\nevent: x\nid: 7\nretry: 1\nfoo: bar\ndatax: no\ndata: yes\n\n: bye\n\n") == [b"yes"]


def test_a_byte_order_mark_is_read_over_at_the_start_only() -> None:
    assert events(b"\xef\xbb", b"\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n") == [b"a"]


def test_an_event_without_its_empty_line_is_not_given() -> None:
    assert events(b"data: a\n\ndata: b\n") == [b"a"]


def test_a_character_cut_in_two_arrives_whole() -> None:
    said = "data: 😀\n\n".encode()

    assert events(said[:8], said[8:]) == ["😀".encode()]


@pytest.mark.parametrize(
    "piece",
    [b"x" * 1000, b"data: " + b"x" * 1000 + b"\n", b"data\n" * 250],
    ids=["a line without an end", "an event of endless lines", "an event of endless empty lines"],
)
def test_what_never_ends_is_refused(piece: bytes) -> None:
    with pytest.raises(NotHttp):
        events(*[piece] * (MAX_EVENT_BYTES // 1000 + 1))
