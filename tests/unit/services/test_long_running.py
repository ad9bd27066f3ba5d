"""What becomes of operations as time goes by: results are kept for an hour, and not without bound."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import pytest
from google.longrunning import operations_pb2 as pb

from atp_grpc.domain.call import Call
from atp_grpc.domain.clock import ManualClock
from atp_grpc.domain.errors import ResourceNotFoundError, StoreUnavailableError
from atp_grpc.domain.tenant import Permission, Principal
from atp_grpc.pb.atp.v1 import evaluation_pb2
from atp_grpc.secrets.files import open_secrets
from atp_grpc.services.long_running import KEPT_SECONDS, MOST_KEPT, LongRunning
from atp_grpc.services.pages import Pages
from atp_grpc.services.status import Code

RESULT = evaluation_pb2.EvaluatePolicyResponse(decisions=7)
METADATA = evaluation_pb2.EvaluatePolicyMetadata
CALL = Call("", Principal("acme", "key", frozenset({Permission.READ_DECISIONS})), deadline=1e9, trace_id="1a")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def operations(tmp_path: Path, clock: ManualClock) -> AsyncIterator[LongRunning]:
    names = count(1)
    made = LongRunning(
        clock=clock,
        pages=Pages(open_secrets(tmp_path)),
        next_name=lambda: f"{next(names):04}",
        on_fault=lambda fault: f"incident of {type(fault).__name__}",
    )
    async with made.open():
        yield made


async def done() -> evaluation_pb2.EvaluatePolicyResponse:
    return RESULT


async def get(operations: LongRunning, name: str) -> pb.Operation:
    return await operations.get_operation(pb.GetOperationRequest(name=name), CALL)


async def test_a_result_is_kept_for_an_hour(operations: LongRunning, clock: ManualClock) -> None:
    operation = await operations.begin(CALL, done, METADATA)
    assert operation.done
    clock.advance(KEPT_SECONDS - 1.0)
    assert await get(operations, operation.name) == operation
    clock.advance(1.0)
    with pytest.raises(ResourceNotFoundError):
        await get(operations, operation.name)


async def test_the_oldest_results_give_way_to_new_ones(operations: LongRunning) -> None:
    names = [(await operations.begin(CALL, done, METADATA)).name for _ in range(MOST_KEPT + 3)]
    kept = await operations.list_operations(pb.ListOperationsRequest(page_size=1_000), CALL)
    assert [operation.name for operation in kept.operations] == names[3:]


async def test_a_list_goes_on_page_by_page(operations: LongRunning) -> None:
    names = [(await operations.begin(CALL, done, METADATA)).name for _ in range(3)]
    first = await operations.list_operations(pb.ListOperationsRequest(name="operations", page_size=2), CALL)
    rest = pb.ListOperationsRequest(name="operations", page_size=2, page_token=first.next_page_token)
    second = await operations.list_operations(rest, CALL)
    assert [one.name for one in (*first.operations, *second.operations)] == names
    assert not second.next_page_token
    with pytest.raises(ResourceNotFoundError):
        await operations.list_operations(pb.ListOperationsRequest(name="tenants/globex"), CALL)


async def test_a_refusal_is_the_error_of_its_operation(operations: LongRunning) -> None:
    async def refusing() -> evaluation_pb2.EvaluatePolicyResponse:
        raise StoreUnavailableError(1.0)

    operation = await operations.begin(CALL, refusing, METADATA)
    assert (operation.done, operation.error.code) == (True, Code.UNAVAILABLE)


async def test_a_fault_is_named_by_its_incident_and_the_next_operation_runs(operations: LongRunning) -> None:
    async def failing() -> evaluation_pb2.EvaluatePolicyResponse:
        raise ValueError("a secret")

    operation = await operations.begin(CALL, failing, METADATA)
    assert operation.error.code == Code.INTERNAL
    assert "incident of ValueError" in operation.error.message
    assert "secret" not in str(operation)
    assert (await operations.begin(CALL, done, METADATA)).HasField("response")
