"""One fixture, two extractors of `text.v1`: every law runs on the reference and on the native one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import pytest

from atp_grpc.engine.native import NativeTextExtractor
from atp_grpc.engine.reference.embedding import TextExtractor
from atp_grpc.engine.text_table import read_text_table
from tests.native_engine import need_native


class Extractor(Protocol):
    def embed(self, text: str) -> bytes: ...

    def extract(self, text: str) -> bytes: ...


ExtractorFactory = Callable[[bytes], Extractor]


def _native() -> ExtractorFactory:
    need_native()
    return NativeTextExtractor


@pytest.fixture(
    scope="session", params=["reference", pytest.param("native", marks=pytest.mark.native)], name="make_extractor"
)
def each_factory(request: pytest.FixtureRequest) -> ExtractorFactory:
    return TextExtractor.of if request.param == "reference" else _native()


@pytest.fixture(scope="session")
def make_native() -> ExtractorFactory:
    return _native()


@pytest.fixture(scope="session", name="extractor")
def each_extractor(make_extractor: ExtractorFactory) -> Extractor:
    return make_extractor(read_text_table())


@pytest.fixture(scope="session")
def reference() -> Extractor:
    return TextExtractor.load()


@pytest.fixture(scope="session")
def native(make_native: ExtractorFactory) -> Extractor:
    return make_native(read_text_table())
