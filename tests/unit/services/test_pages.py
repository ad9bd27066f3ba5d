"""Pages: every walk sees every lasting entry once, and no token works where it was not made."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.domain.errors import PageTokenInvalidError
from atp_grpc.secrets.files import open_secrets
from atp_grpc.services.pages import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, Pages

_NAMES = st.text(min_size=1, max_size=8)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    return Pages(open_secrets(tmp_path_factory.mktemp("data")))


def sorted_by_name(names: set[str]) -> dict[str, str]:
    return {name: name for name in sorted(names)}


@given(names=st.sets(_NAMES, max_size=30), size=st.integers(1, 40))
def test_a_walk_sees_every_entry_once_in_order(pages: Pages, names: set[str], size: int) -> None:
    entries, seen, token = sorted_by_name(names), list[str](), ""
    while True:
        page, token = pages.cut(entries, scope="acme/models", page_size=size, page_token=token)
        assert len(page) == size or not token
        seen += page
        if not token:
            break
    assert seen == list(entries)


@given(lasting=st.sets(_NAMES, min_size=1, max_size=20), data=st.data())
def test_what_lasts_is_seen_once_while_others_come_and_go(pages: Pages, lasting: set[str], data: st.DataObject) -> None:
    seen, token = list[str](), ""
    while True:
        passing = data.draw(st.sets(_NAMES, max_size=5))
        page, token = pages.cut(
            sorted_by_name(lasting | passing),
            scope="s",
            page_size=data.draw(st.integers(1, 4)),
            page_token=token,
        )
        seen += page
        if not token:
            break
    assert seen == sorted(set(seen))
    assert lasting <= set(seen)


def test_the_size_of_a_page_has_a_default_and_a_cap(pages: Pages) -> None:
    entries = sorted_by_name({f"{number:05}" for number in range(MAX_PAGE_SIZE + 1)})
    for asked, given_size in ((0, DEFAULT_PAGE_SIZE), (7, 7), (MAX_PAGE_SIZE + 5, MAX_PAGE_SIZE)):
        assert len(pages.cut(entries, scope="s", page_size=asked, page_token="")[0]) == given_size


@given(data=st.data())
def test_no_altered_token_and_no_token_of_another_scope_is_taken(pages: Pages, data: st.DataObject) -> None:
    entries = sorted_by_name({"a", "b", "c"})
    _, token = pages.cut(entries, scope="acme/models", page_size=1, page_token="")
    for scope in ("globex/models", "acme/deployments"):
        with pytest.raises(PageTokenInvalidError):
            pages.cut(entries, scope=scope, page_size=1, page_token=token)
    raw = bytearray(base64.urlsafe_b64decode(token))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(PageTokenInvalidError):
        pages.cut(entries, scope="acme/models", page_size=1, page_token=base64.urlsafe_b64encode(bytes(raw)).decode())


@given(made_up=st.text(min_size=1, max_size=60))
def test_no_made_up_token_is_taken(pages: Pages, made_up: str) -> None:
    with pytest.raises(PageTokenInvalidError):
        pages.cut({}, scope="s", page_size=1, page_token=made_up)
