"""Writing decisions down: token, record and reply say the same whoever writes them, byte for byte where bytes are laid
out."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atp_grpc.catalog.snapshot import Snapshot
from atp_grpc.domain.clock import NANOS_PER_SECOND
from atp_grpc.domain.decision import DualPrices, Refusal, RefusalCause, Target, drawn_of
from atp_grpc.domain.errors import AtpError, NoEligibleModelError
from atp_grpc.domain.request import Constraints, FeatureVector, RouteRequest
from atp_grpc.engine.contract import Outcome
from atp_grpc.engine.native import NativeEngine
from atp_grpc.engine.reference import ReferenceEngine
from atp_grpc.pb.atp.v1 import route_service_pb2 as pb
from atp_grpc.routing.feedback import FeedbackTokens
from atp_grpc.routing.scribe.contract import Routed
from atp_grpc.routing.scribe.native import NativeScribe, native_reader
from atp_grpc.secrets.files import open_secrets
from atp_grpc.services.status import rpc_status
from atp_grpc.services.validation import Validation
from atp_grpc.services.wire.native import NativeReader, NativeWriter
from atp_grpc.services.wire.reference import ReferenceReader, ReferenceWriter
from atp_grpc.store.decision_codec import decode_decision, encode_refusals
from tests.conformance.scribe.both import Both, desk, writers
from tests.native_engine import need_native, no_fault
from tests.unit.routing.desk import CALL, PARAMETERS, POLICY, Desk, three_models
from tests.unit.routing.examples import NOW
from tests.unit.routing.strategies import REQUESTS, views

pytestmark = pytest.mark.native

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PRICES_OF_PRESSURE = st.just(0.0) | st.floats(0, 1e6)
ATTRIBUTES = ("decision_id", "policy", "model", "expected_cost_nano_usd", "token", "record")


@pytest.fixture(autouse=True)
def native() -> None:
    need_native()


@settings(deadline=None)
@given(
    view=views(),
    requests=st.lists(REQUESTS, min_size=1, max_size=3),
    seed=st.integers(0, 2**60),
    labels=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
    words=st.tuples(st.text(max_size=5), st.text(max_size=5)),
    lessons=st.integers(0, 3),
    dual_prices=st.builds(DualPrices, PRICES_OF_PRESSURE, PRICES_OF_PRESSURE),
    favoured=st.none() | st.integers(0, 3) | st.sampled_from([-1, 2**31, 2**70]),
    favour=st.floats(0, 1),
    is_short_of_money=st.booleans(),
)
def test_token_record_and_reply_are_the_references(
    view: Snapshot,
    requests: list[RouteRequest],
    seed: int,
    labels: dict[str, str],
    words: tuple[str, str],
    lessons: int,
    dual_prices: DualPrices,
    favoured: int | None,
    favour: float,
    is_short_of_money: bool,
) -> None:
    scribe = Both(dual_prices, favoured, favour, is_short_of_money)
    writing = desk(view, scribe, seed)
    writing.revision = lessons
    for number in range(lessons):
        arm = view.arms[number % len(view.arms)].name
        writing.engine.learn(Outcome(arm, "r", number, NOW, NOW, bytes(60), quality=0.1 * number, failed=False))
    for request in requests:
        noted = RouteRequest(
            text=request.text,
            input_tokens=request.input_tokens,
            max_output_tokens=request.max_output_tokens,
            constraints=request.constraints,
            objective=request.objective,
            task_type=words[0],
            session_id=words[1],
            labels=labels,
        )
        try:
            writing.router.route(noted, CALL)
        except AtpError:
            continue
    (reference, ours), drawn = writers(), native_reader(decode_decision)
    for native, other in scribe.written:
        assert type(native) is not type(other)
        assert {name: getattr(native, name) for name in ATTRIBUTES} == {
            name: getattr(other, name) for name in ATTRIBUTES
        }
        assert pb.RouteResponse.FromString(ours.response(native)) == pb.RouteResponse.FromString(
            reference.response(other)
        )
        assert drawn(native) == drawn(other) == drawn_of(decode_decision(other.record))
    assert not scribe.faults


def test_a_request_that_rust_read_is_written_down_like_one_that_python_read() -> None:
    message = pb.RouteRequest(
        prompt="What is 2 + 2?", task_type="sum", session_id="s", labels={"a": "b"}, constraints={"region": ""}
    )
    validation, scribe = Validation(), Both()
    reference = ReferenceReader(validation)
    reader = NativeReader(validation, reference, on_fault=no_fault)
    payload = message.SerializeToString()
    records = [
        desk(three_models(), scribe).router.route(read(payload), CALL).record for read in (reader.read, reference.read)
    ]
    assert records[0] == records[1]
    assert decode_decision(records[0]).labels == {"a": "b"}


def test_a_vector_that_rust_read_reaches_the_engine() -> None:
    values = [0.25, -1.0, *[0.0] * 13]
    message = pb.RouteRequest(features={"schema_id": "flags.v1", "values": values})
    validation = Validation()
    reader = NativeReader(validation, ReferenceReader(validation), on_fault=no_fault)
    request = reader.read(message.SerializeToString())
    routed = desk(three_models(), Both()).router.route(request, CALL)
    vector = request.vector
    assert vector is not None
    assert decode_decision(routed.record).lesson.features == FeatureVector("flags.v1", vector)


def test_a_choice_of_the_reference_engine_is_written_by_the_reference_without_a_fault() -> None:
    scribe = Both()
    validation = Validation()
    reader = NativeReader(validation, ReferenceReader(validation), on_fault=no_fault)
    request = reader.read(pb.RouteRequest(prompt="What is 2 + 2?").SerializeToString())
    writing = Desk(three_models(), engine=ReferenceEngine(PARAMETERS), scribe=scribe)
    routed = writing.router.route(request, CALL)
    ((ours, theirs),) = scribe.written
    assert ours == theirs
    assert not scribe.faults
    reference, native = writers()
    assert native.response(routed) == reference.response(routed)
    assert native.batch([routed, routed], trace_id=TRACE) == reference.batch([routed, routed], trace_id=TRACE)


def test_a_new_catalogue_is_in_the_very_next_record() -> None:
    scribe = Both()
    writing = desk(three_models(), scribe)
    writing.router.route(RouteRequest(text="a"), CALL)
    writing.catalogue.view = three_models(revision=9, generation=2)
    routed = writing.router.route(RouteRequest(text="a"), CALL)
    assert decode_decision(routed.record).lesson.revisions.catalog == 9
    assert scribe.written[-1][1].record == routed.record


def test_a_batch_holds_every_kind_of_answer_in_its_place() -> None:
    scribe = Both()
    writing = desk(three_models(), scribe)
    routed = [writing.router.route(RouteRequest(text="a" * number), CALL) for number in range(3)]
    reference, native = writers()
    before = native.response(routed[0])
    refusal = NoEligibleModelError([])
    mixed: list[Routed | bytes | AtpError] = [routed[1], before, refusal, routed[2]]
    batches: list[list[Routed | bytes | AtpError]] = [[routed[0]], [refusal], [before], mixed]
    for results in batches:
        ours = pb.RouteBatchResponse.FromString(native.batch(results, trace_id=TRACE))
        assert ours == pb.RouteBatchResponse.FromString(reference.batch(results, trace_id=TRACE))
        assert len(ours.results) == len(results)
    last = pb.RouteBatchResponse.FromString(native.batch(mixed, trace_id=TRACE)).results
    assert last[0].response.decision_id == routed[1].decision_id
    assert last[1].response == pb.RouteResponse.FromString(before)
    assert last[2].error == rpc_status(refusal, TRACE)


def test_what_cannot_be_written_is_told_and_left_to_the_reference() -> None:
    scribe = Both()
    writing = desk(three_models(), scribe)
    long = RouteRequest(text="a", task_type="x" * 70_000)
    with pytest.raises(struct.error):
        writing.router.route(long, CALL)
    assert [type(fault).__name__ for fault in scribe.faults] == ["NativeError"]


def test_a_writer_that_fails_is_told_and_the_reference_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    atp_native = pytest.importorskip("atp_native")
    routed = desk(three_models(), Both()).router.route(RouteRequest(text="a"), CALL)
    faults: list[BaseException] = []
    reference = ReferenceWriter(decode_decision)
    writer = NativeWriter(reference, on_fault=faults.append)

    def fail(_: object) -> bytes:
        raise atp_native.NativeError("panic", "the writer failed")

    for name in ("route_response", "route_batch_response"):
        monkeypatch.setattr(atp_native, name, fail)
    assert writer.response(routed) == reference.response(routed)
    assert writer.batch([routed], trace_id=TRACE) == reference.batch([routed], trace_id=TRACE)
    assert len(faults) == 2


def test_a_real_seal_opens_again_for_its_tenant(tmp_path_factory: pytest.TempPathFactory) -> None:
    secrets = open_secrets(tmp_path_factory.mktemp("data"))
    tokens = FeedbackTokens(secrets)
    scribe = NativeScribe(
        policy=POLICY,
        sealer=secrets,
        token_ttl_seconds=60.0,
        reference=Both().reference,
        encode_refusals=encode_refusals,
        on_fault=no_fault,
    )
    writing = Desk(three_models(), engine=NativeEngine(PARAMETERS), scribe=scribe)
    routed = writing.router.route(RouteRequest(text="a"), CALL)
    lesson = tokens.open(routed.token, tenant="acme", now_nanos=NOW)
    assert lesson == decode_decision(routed.record).lesson
    assert lesson.expires_nanos == NOW + 60 * NANOS_PER_SECOND
    for tenant in ("globex", ""):
        with pytest.raises(AtpError):
            tokens.open(routed.token, tenant=tenant, now_nanos=NOW)


def test_whoever_was_refused_or_set_aside_stands_in_both_records_with_the_cause() -> None:
    for is_short_of_money, cause in ((False, RefusalCause.MAX_COST), (True, RefusalCause.BUDGET)):
        scribe = Both(is_short_of_money=is_short_of_money, favoured=1, favour=0.25)
        writing = desk(three_models(), scribe)
        weighed = writing.router.plan(RouteRequest(text="a", input_tokens=1000), CALL).candidates
        dearest, *_, cheapest = sorted(weighed, key=lambda one: -one.expected.cost_nano_usd)
        limit = (dearest.expected.cost_nano_usd + cheapest.expected.cost_nano_usd) // 2
        denied = next(c.target.model for c in weighed if c not in (dearest, cheapest))
        constraints = Constraints(max_cost_nano_usd=limit, denied_models=frozenset({denied}))

        writing.router.route(RouteRequest(text="a", input_tokens=1000, constraints=constraints), CALL)

        ((native, reference),) = scribe.written
        assert native.record == reference.record
        decision = decode_decision(native.record)
        aside = dict(zip([one.target.model for one in decision.candidates], decision.set_aside, strict=True))
        assert aside == {cheapest.target.model: None, dearest.target.model: cause}
        assert decision.refusals == (Refusal(Target(denied, "", ""), RefusalCause.DENIED),)
        assert decision.scales == (POLICY.cost_scale_nano_usd, POLICY.latency_scale_seconds)
        assert (decision.favoured, decision.favour) == (1, 0.25)
