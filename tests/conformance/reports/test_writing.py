"""Writing acknowledgements: both writers give messages that parse to the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.domain.errors import AtpError, InvalidFieldError, OutcomeConflictError, StoreUnavailableError
from atp_grpc.pb.atp.v1 import observe_service_pb2 as pb
from atp_grpc.services.reports.contract import Acknowledgement
from atp_grpc.services.reports.native import NativeWriter
from atp_grpc.services.reports.reference import ReferenceWriter

ERRORS: list[AtpError] = [OutcomeConflictError("quality"), StoreUnavailableError(0.5), InvalidFieldError([])]
FIELD_NAMES = st.lists(st.sampled_from(["quality", "attempts"]) | st.text(min_size=1, max_size=8), max_size=4).map(
    tuple
)
ACKNOWLEDGEMENTS = st.builds(
    Acknowledgement,
    decision_id=st.text(max_size=40),
    recorded_fields=FIELD_NAMES,
    unchanged_fields=FIELD_NAMES,
    replica=st.text(max_size=20),
    sequence=st.integers(0, 2**63 - 1),
)
NEW = Acknowledgement("d-1", ("quality", "labels.é"), ("attempts",), "0123456789abcdef", 7)
AGAIN = Acknowledgement("d-2", (), ("quality",), "", 0)


@pytest.mark.parametrize("name", ["reference_writer", "native_writer"])
def test_an_acknowledgement_says_what_was_recorded(request: pytest.FixtureRequest, name: str) -> None:
    writer = request.getfixturevalue(name)

    assert pb.ObserveResponse.FromString(writer.response(NEW)) == pb.ObserveResponse(
        decision_id="d-1",
        recorded_fields=["quality", "labels.é"],
        unchanged_fields=["attempts"],
        replica="0123456789abcdef",
        sequence=7,
    )
    assert pb.ObserveResponse.FromString(writer.response(AGAIN)) == pb.ObserveResponse(
        decision_id="d-2", unchanged_fields=["quality"]
    )


@pytest.mark.parametrize("name", ["reference_writer", "native_writer"])
def test_a_batch_has_every_result_in_its_place(request: pytest.FixtureRequest, name: str) -> None:
    writer = request.getfixturevalue(name)

    batch = pb.ObserveBatchResponse.FromString(writer.batch([NEW, ERRORS[0], AGAIN], trace_id="t"))

    assert [result.WhichOneof("result") for result in batch.results] == ["response", "error", "response"]
    assert batch.results[0].response.sequence == 7
    assert "quality" in batch.results[1].error.message


@pytest.mark.native
@given(ACKNOWLEDGEMENTS)
def test_both_writers_give_the_same_bytes(
    reference_writer: ReferenceWriter, native_writer: NativeWriter, acknowledgement: Acknowledgement
) -> None:
    assert native_writer.response(acknowledgement) == reference_writer.response(acknowledgement)


@pytest.mark.native
@given(st.lists(ACKNOWLEDGEMENTS | st.sampled_from(ERRORS), max_size=6))
def test_both_writers_give_the_same_batch(
    reference_writer: ReferenceWriter, native_writer: NativeWriter, results: list[Acknowledgement | AtpError]
) -> None:
    theirs = reference_writer.batch(results, trace_id="trace")

    assert pb.ObserveBatchResponse.FromString(native_writer.batch(results, trace_id="trace")) == (
        pb.ObserveBatchResponse.FromString(theirs)
    )
