"""Operations: work that goes on after the call that began it, and `google.longrunning.Operations` to ask for it.

A servicer whose answer may take long begins it here and returns the operation (Google AIP-151). One runs at a time,
in the order in which they were begun; each belongs to a tenant, and nobody else's can be found. Nothing is written
down: results are forgotten after an hour, and with the process. It never knows what the work is.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from google.longrunning import operations_pb2 as pb
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from google.rpc import status_pb2

from atp_grpc.domain.call import Call
from atp_grpc.domain.clock import Clock
from atp_grpc.domain.errors import (
    AtpError,
    InternalError,
    OperationCancelledError,
    OperationsExhaustedError,
    ResourceNotFoundError,
)
from atp_grpc.services.pages import Pages
from atp_grpc.services.status import rpc_status

COLLECTION: Final = "operations"
MOST_UNDER_WAY: Final = 4
"""Operations of one tenant that have no result yet, at most."""
MOST_KEPT: Final = 64
"""Results of one tenant, at most: the oldest are forgotten first."""
KEPT_SECONDS: Final = 3_600.0
AT_ONCE_SECONDS: Final = 1.0
"""How long the call that begins an operation waits for its end."""
_SPARE_SECONDS: Final = 0.05
"""What is left of a caller's time when the state of an operation is sent."""
_RETRY_SECONDS: Final = 5.0

Work = Callable[[], Awaitable[Message]]


class Operation:
    """One piece of work with what became of it."""

    def __init__(self, name: str, tenant: str, call: Call, work: Work, metadata: Callable[[], Message]) -> None:
        self.name = name
        self.tenant = tenant
        self.trace_id = call.trace_id
        self.work = work
        self.metadata = metadata
        self.ended = asyncio.Event()
        self.forgotten_at = float("inf")
        self.task: asyncio.Task[Message] | None = None
        self._response: Message | None = None
        self._error: status_pb2.Status | None = None

    def message(self) -> pb.Operation:
        """The operation as it stands."""
        message = pb.Operation(name=self.name, done=self.ended.is_set())
        message.metadata.Pack(self.metadata())
        if self._error is not None:
            message.error.CopyFrom(self._error)
        elif self._response is not None:
            message.response.Pack(self._response)
        return message

    def succeed(self, response: Message) -> None:
        """Ends with a result."""
        self._response = response
        self.ended.set()

    def fail(self, error: AtpError) -> None:
        """Ends without one."""
        self._error = rpc_status(error, self.trace_id)
        self.ended.set()


class LongRunning:
    """The operations of a process, and `google.longrunning.Operations` over them."""

    contract = pb.DESCRIPTOR.services_by_name["Operations"]

    def __init__(
        self, *, clock: Clock, pages: Pages, next_name: Callable[[], str], on_fault: Callable[[Exception], str]
    ) -> None:
        """`next_name` draws names that cannot be guessed; `on_fault` names the incident of work that failed."""
        self._clock = clock
        self._pages = pages
        self._next_name = next_name
        self._on_fault = on_fault
        self._operations: dict[str, Operation] = {}
        self._waiting: deque[Operation] = deque()
        self._work: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Lets operations run until the block ends; what runs then is cancelled."""
        try:
            yield
        finally:
            while self._waiting:
                self._end(self._waiting.popleft(), OperationCancelledError())
            if self._work is not None:
                self._work.cancel()
                await asyncio.wait([self._work])

    async def begin(self, call: Call, work: Work, metadata: Callable[[], Message]) -> pb.Operation:
        """Begins an operation of the caller's tenant. When it ends soon, what is returned is done.

        Raises:
            OperationsExhaustedError: the tenant has too many under way.
        """
        self._forget()
        own = [one for one in self._operations.values() if one.tenant == call.tenant]
        if sum(not one.ended.is_set() for one in own) >= MOST_UNDER_WAY:
            raise OperationsExhaustedError(MOST_UNDER_WAY, _RETRY_SECONDS)
        ended = [one for one in own if one.ended.is_set()]
        for one in ended[: max(len(ended) + 1 - MOST_KEPT, 0)]:
            del self._operations[one.name]
        operation = Operation(f"{COLLECTION}/{self._next_name()}", call.tenant, call, work, metadata)
        self._operations[operation.name] = operation
        self._waiting.append(operation)
        if self._work is None or self._work.done():
            self._work = asyncio.get_running_loop().create_task(self._run(), name="operations")
        await self._wait(operation, AT_ONCE_SECONDS, call)
        return operation.message()

    async def get_operation(self, request: pb.GetOperationRequest, call: Call) -> pb.Operation:
        """Returns an operation as it stands."""
        return self._find(request.name, call).message()

    async def list_operations(self, request: pb.ListOperationsRequest, call: Call) -> pb.ListOperationsResponse:
        """Lists the caller's operations. Any other parent than `operations` has none; no filter is understood."""
        self._forget()
        if request.name not in ("", COLLECTION):
            raise ResourceNotFoundError("collection of operations", request.name)
        own = {name: one for name, one in sorted(self._operations.items()) if one.tenant == call.tenant}
        found, token = self._pages.cut(
            own,
            scope=f"{call.tenant}/{COLLECTION}",
            page_size=max(request.page_size, 0),
            page_token=request.page_token,
        )
        return pb.ListOperationsResponse(operations=[one.message() for one in found], next_page_token=token)

    async def cancel_operation(self, request: pb.CancelOperationRequest, call: Call) -> Empty:
        """Cancels an operation; one that has ended stays as it is."""
        operation = self._find(request.name, call)
        if not operation.ended.is_set():
            if operation.task is None:
                self._waiting.remove(operation)
                self._end(operation, OperationCancelledError())
            else:
                operation.task.cancel()
                await operation.ended.wait()
        return Empty()

    async def delete_operation(self, request: pb.DeleteOperationRequest, call: Call) -> Empty:
        """Forgets an operation's result; one that runs is cancelled first, since nobody could ask for it any more."""
        await self.cancel_operation(pb.CancelOperationRequest(name=request.name), call)
        self._operations.pop(request.name, None)
        return Empty()

    async def wait_operation(self, request: pb.WaitOperationRequest, call: Call) -> pb.Operation:
        """Returns an operation when it has ended, or when the time to wait or the caller's own is nearly over."""
        operation = self._find(request.name, call)
        given = request.timeout
        seconds = given.seconds + given.nanos / 1e9 if request.HasField("timeout") else float("inf")
        await self._wait(operation, seconds, call)
        return operation.message()

    async def _wait(self, operation: Operation, seconds: float, call: Call) -> None:
        left = call.deadline - self._clock.monotonic() - _SPARE_SECONDS
        try:
            async with asyncio.timeout(max(min(seconds, left), 0.0)):
                await operation.ended.wait()
        except TimeoutError:
            pass

    def _find(self, name: str, call: Call) -> Operation:
        self._forget()
        operation = self._operations.get(name)
        if operation is None or operation.tenant != call.tenant:
            raise ResourceNotFoundError("operation", name)
        return operation

    def _forget(self) -> None:
        now = self._clock.monotonic()
        for name in [name for name, one in self._operations.items() if one.forgotten_at <= now]:
            del self._operations[name]

    async def _run(self) -> None:
        while self._waiting:
            operation = self._waiting.popleft()
            operation.task = asyncio.ensure_future(operation.work())
            try:
                await asyncio.wait([operation.task])
            except asyncio.CancelledError:
                operation.task.cancel()
                await asyncio.wait([operation.task])
                self._settle(operation)
                raise
            self._settle(operation)

    def _settle(self, operation: Operation) -> None:
        task = operation.task
        if task is None or task.cancelled():
            self._end(operation, OperationCancelledError())
            return
        fault = task.exception()
        if fault is None:
            self._end(operation, task.result())
            return
        if isinstance(fault, AtpError):
            self._end(operation, fault)
        elif isinstance(fault, Exception):
            self._end(operation, InternalError(self._on_fault(fault)))
        else:
            raise fault

    def _end(self, operation: Operation, outcome: Message | AtpError) -> None:
        operation.forgotten_at = self._clock.monotonic() + KEPT_SECONDS
        # What was begun with must not be kept as long as what came of it.
        operation.task = None
        if isinstance(outcome, AtpError):
            operation.fail(outcome)
        else:
            operation.succeed(outcome)
