"""Writing observations in Rust: the same bytes as the codec's, and the same refusals."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given

from atp_grpc.domain.decision import Lesson
from atp_grpc.domain.outcome import NO_LABELS, Observation, Report
from atp_grpc.domain.request import FeatureVector
from atp_grpc.store.native import native_encoder
from atp_grpc.store.observation_codec import encode_observation
from tests.conformance.store.samples import ANSWERED, NOW, TIMED_OUT, lesson, lessons, reports
from tests.native_engine import need_native, no_fault

pytestmark = pytest.mark.native


@given(lessons, reports, reports)
def test_rust_writes_the_bytes_of_the_codec(made_of: Lesson, recorded: Report, standing: Report) -> None:
    need_native()
    observation = Observation("r", 1, made_of, recorded, standing, NOW)

    assert native_encoder(no_fault)(observation) == encode_observation(observation)


def test_labels_may_be_any_mapping_and_errors_are_those_of_the_domain() -> None:
    need_native()
    recorded = Report(attempts=(TIMED_OUT, ANSWERED), labels=NO_LABELS)
    observation = Observation("r", 1, lesson(), recorded, Report(labels={"a": "1"}), NOW)

    assert native_encoder(no_fault)(observation) == encode_observation(observation)


def test_a_text_too_long_for_the_layout_is_refused_alike() -> None:
    need_native()
    observation = Observation("r", 1, lesson(), Report(labels={"key": "x" * 65_536}), Report(), NOW)

    with pytest.raises(struct.error):
        native_encoder(no_fault)(observation)


def test_a_failure_is_told_and_the_codec_writes() -> None:
    need_native()
    heard: list[BaseException] = []
    # Bytes to Python, and not to Rust.
    strange = lesson()._replace(features=FeatureVector("flags.v1", bytearray(8)))  # type: ignore[arg-type]
    observation = Observation("r", 1, strange, Report(quality=0.5), Report(), NOW)

    assert native_encoder(heard.append)(observation) == encode_observation(observation)
    assert [type(fault) for fault in heard] == [TypeError]
