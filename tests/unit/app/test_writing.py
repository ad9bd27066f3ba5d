"""Who reads and who writes: Rust beside the native engine, Python elsewhere, and nothing is missing without Rust."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from atp_grpc.app.writing import pick_reader, pick_scribe, pick_writer
from atp_grpc.routing.scribe.native import NativeScribe
from atp_grpc.routing.scribe.reference import ReferenceScribe
from atp_grpc.services.validation import Validation
from atp_grpc.services.wire.native import NativeReader, NativeWriter
from atp_grpc.services.wire.reference import ReferenceReader, ReferenceWriter
from tests.native_engine import need_native, no_fault
from tests.unit.routing.desk import POLICY, Plain


def picked(*, is_native: bool) -> list[type]:
    scribe = pick_scribe(is_native=is_native, policy=POLICY, sealer=Plain(), token_ttl_seconds=60.0, on_fault=no_fault)
    reader = pick_reader(is_native=is_native, validation=Validation(), on_fault=no_fault)
    writer = pick_writer(is_native=is_native, on_fault=no_fault)
    return [type(part) for part in (scribe, reader, writer)]


def test_without_the_native_engine_everything_is_python() -> None:
    assert picked(is_native=False) == [ReferenceScribe, ReferenceReader, ReferenceWriter]


@pytest.mark.native
def test_beside_the_native_engine_everything_is_rust() -> None:
    need_native()
    assert picked(is_native=True) == [NativeScribe, NativeReader, NativeWriter]


def test_the_composition_root_needs_no_rust() -> None:
    program = (
        "import sys; sys.modules['atp_native'] = None; import atp_grpc.app;"
        "from tests.unit.app.test_writing import picked;"
        "print([part.__name__ for part in picked(is_native=False)])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=Path(__file__).parents[3]
    )
    assert done.stdout.strip() == "['ReferenceScribe', 'ReferenceReader', 'ReferenceWriter']", done.stderr
