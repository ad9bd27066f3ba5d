"""The reference of the wire, and the native one where it is built."""

from __future__ import annotations

import pytest

from atp_grpc.services.validation import Validation
from atp_grpc.services.wire.native import NativeReader, NativeWriter
from atp_grpc.services.wire.reference import ReferenceReader, ReferenceWriter
from atp_grpc.store.decision_codec import decode_decision
from tests.native_engine import need_native, no_fault


@pytest.fixture(scope="session")
def validation() -> Validation:
    return Validation()


@pytest.fixture(scope="session")
def reference_reader(validation: Validation) -> ReferenceReader:
    return ReferenceReader(validation)


@pytest.fixture(scope="session")
def native_reader(validation: Validation, reference_reader: ReferenceReader) -> NativeReader:
    need_native()
    return NativeReader(validation, reference_reader, on_fault=no_fault)


@pytest.fixture(scope="session")
def reference_writer() -> ReferenceWriter:
    return ReferenceWriter(decode_decision)


@pytest.fixture(scope="session")
def native_writer(reference_writer: ReferenceWriter) -> NativeWriter:
    need_native()
    return NativeWriter(reference_writer, on_fault=no_fault)
