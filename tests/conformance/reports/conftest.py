"""The reference of reading and writing reports, and the native one where it is built."""

from __future__ import annotations

import pytest
from hypothesis import settings

from atp_grpc.services.reports.native import NativeReader, NativeWriter
from atp_grpc.services.reports.reference import ReferenceReader, ReferenceWriter
from atp_grpc.services.validation import Validation
from tests.native_engine import need_native, no_fault

# A busy machine is no bug.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def reference_reader() -> ReferenceReader:
    return ReferenceReader(Validation())


@pytest.fixture(scope="session")
def native_reader(reference_reader: ReferenceReader) -> NativeReader:
    need_native()
    return NativeReader(reference_reader, on_fault=no_fault)


@pytest.fixture(scope="session")
def reference_writer() -> ReferenceWriter:
    return ReferenceWriter()


@pytest.fixture(scope="session")
def native_writer(reference_writer: ReferenceWriter) -> NativeWriter:
    need_native()
    return NativeWriter(reference_writer, on_fault=no_fault)
