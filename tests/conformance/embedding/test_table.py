"""The shipped table is proved before it serves, and bytes that are no table are refused in one sentence."""

from __future__ import annotations

import dataclasses
import itertools
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import atp_grpc.engine
from atp_grpc.engine.contract import DamagedTextTableError
from atp_grpc.engine.text_table import Folding, TextTable, prove, read_text_table
from tests.conformance.embedding.conftest import ExtractorFactory
from tests.conformance.embedding.test_pieces import SMALL

FILE = Path(atp_grpc.engine.__path__[0]) / "text_table.bin"


def test_the_shipped_table_is_the_one_this_version_was_made_with() -> None:
    assert read_text_table() == FILE.read_bytes()
    assert FILE.stat().st_size < 4 << 20


@pytest.mark.parametrize("place", [0, 1_000, -1])
def test_one_changed_byte_is_noticed(place: int) -> None:
    data = bytearray(FILE.read_bytes())
    data[place] ^= 1
    with pytest.raises(DamagedTextTableError, match="damaged"):
        prove(bytes(data))


def test_a_missing_table_is_said_in_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(resources, "files", lambda _: tmp_path)
    with pytest.raises(DamagedTextTableError, match="cannot be read"):
        read_text_table()


def test_encoding_what_was_decoded_gives_the_same_bytes() -> None:
    data = read_text_table()
    table = TextTable.decode(data)
    assert table.encode() == data
    assert len(table.pieces) == len(set(table.pieces)) == len(table.weights) == len(table.rows)
    assert table.weights.min() >= 1
    assert np.abs(table.rows.astype(int)).max() <= 127


def test_foldings_stand_in_order_and_apart() -> None:
    foldings = TextTable.decode(read_text_table()).foldings
    bounds = [bound for folding in foldings for bound in (folding.first, folding.last)]
    assert bounds == sorted(bounds)
    assert all(before.last < after.first for before, after in itertools.pairwise(foldings))


@pytest.mark.native
@given(st.data())
@settings(max_examples=300, deadline=None)
def test_bytes_that_are_no_table_are_refused_by_rust_and_never_break_it(
    make_native: ExtractorFactory, data: st.DataObject
) -> None:
    whole = SMALL.encode()
    kept = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with pytest.raises(DamagedTextTableError):
        make_native(kept)
    with pytest.raises(DamagedTextTableError):
        make_native(whole + b"\0")
    place, value = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, 255))
    try:
        changed = make_native(whole[:place] + bytes([value]) + whole[place + 1 :])
    except DamagedTextTableError:
        return
    changed.embed("abc é. ab")


@pytest.mark.native
def test_an_impossible_folding_is_refused_by_rust(make_native: ExtractorFactory) -> None:
    for folding in (Folding(0x41, 0x41, "two"), Folding(5, 4, ""), Folding(0x10FFFF, 0x110000, "")):
        table = dataclasses.replace(SMALL, foldings=(folding,))
        with pytest.raises(DamagedTextTableError):
            make_native(table.encode())
