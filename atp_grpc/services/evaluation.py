"""What another policy would have earned, or cost, on the wire.

Of DecisionService and PolicyService the methods that judge by the log.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from google.longrunning import operations_pb2
from google.protobuf.message import Message

from atp_grpc.domain.call import Call
from atp_grpc.domain.clock import Clock
from atp_grpc.domain.errors import ResourceNotFoundError
from atp_grpc.domain.policy import RoutingPolicy
from atp_grpc.domain.tenant import EVERYBODY
from atp_grpc.learning.evaluation.judging import Progress, Scope, Target, judge, take_through
from atp_grpc.learning.evaluation.targets import Always, Uniform
from atp_grpc.learning.history import History
from atp_grpc.learning.savings import Savings
from atp_grpc.pb.atp.admin.v1 import policy_service_pb2 as policy_pb
from atp_grpc.pb.atp.v1 import evaluation_pb2 as pb
from atp_grpc.pb.atp.v1 import savings_pb2
from atp_grpc.routing.policy_book import PolicyBook
from atp_grpc.services.convert import evaluations as convert
from atp_grpc.services.convert import savings as convert_savings
from atp_grpc.services.convert.policies import terms_of
from atp_grpc.services.decision import check_may_read
from atp_grpc.services.long_running import LongRunning

Rehearse = Callable[[RoutingPolicy], Awaitable[Target]]
Answer = Callable[[Target, Scope, Progress], Awaitable[Message]]


class EvaluationServicer:
    """Serves EvaluatePolicy and ComputeSavings of `atp.v1.DecisionService`, and SimulatePolicy of PolicyService."""

    def __init__(
        self,
        *,
        operations: LongRunning,
        history: History,
        book: PolicyBook,
        knows_model: Callable[[str], bool],
        rehearse: Rehearse,
        clock: Clock,
    ) -> None:
        """`rehearse` makes a policy ready to be taken through a log."""
        self._operations = operations
        self._history = history
        self._book = book
        self._knows_model = knows_model
        self._rehearse = rehearse
        self._clock = clock

    async def evaluate_policy(self, request: pb.EvaluatePolicyRequest, call: Call) -> operations_pb2.Operation:
        """Judges a policy in force, a single model, or chance."""
        return await self._begin(self._target(request), request.scope, call, self._judged)

    async def compute_savings(self, request: savings_pb2.ComputeSavingsRequest, call: Call) -> operations_pb2.Operation:
        """Says what routing saved against a single model or a policy in force."""
        named = pb.EvaluatePolicyRequest(
            model=request.model if request.HasField("model") else None,
            policy=request.policy if request.HasField("policy") else None,
        )
        return await self._begin(self._target(named), request.scope, call, self._saved)

    async def simulate_policy(self, request: policy_pb.SimulatePolicyRequest, call: Call) -> operations_pb2.Operation:
        """Judges a policy that is not made yet."""
        policy = self._book.draft(request.policy.name, terms_of(request.policy))
        return await self._begin(lambda: self._rehearse(policy), request.scope, call, self._judged)

    def _target(self, request: pb.EvaluatePolicyRequest) -> Callable[[], Awaitable[Target]]:
        if request.HasField("policy"):
            policy = self._book.find(request.policy).policy
            return lambda: self._rehearse(policy)
        if request.HasField("model") and not self._knows_model(request.model):
            raise ResourceNotFoundError("model", request.model)

        async def fixed() -> Target:
            return Target(Always(request.model) if request.HasField("model") else Uniform())

        return fixed

    async def _judged(self, target: Target, scope: Scope, progress: Progress) -> Message:
        monotonic = self._clock.monotonic
        return convert.response(await judge(self._history, target, scope, progress, monotonic=monotonic))

    async def _saved(self, target: Target, scope: Scope, progress: Progress) -> Message:
        savings, monotonic = Savings(target.rehearsal), self._clock.monotonic
        taken = await take_through(self._history, target, scope, progress, savings.add, monotonic=monotonic)
        return convert_savings.response(savings.statement(scope.level), taken)

    async def _begin(
        self, target: Callable[[], Awaitable[Target]], asked: pb.EvaluationScope, call: Call, answer: Answer
    ) -> operations_pb2.Operation:
        tenant = asked.tenant or call.tenant
        check_may_read(tenant, call)
        created, progress = self._clock.now_nanos(), Progress()
        scope = convert.scope(asked, tenant=None if tenant == EVERYBODY else tenant, now_nanos=created)
        started: int | None = None

        async def answered() -> Message:
            nonlocal started
            started = self._clock.now_nanos()
            return await answer(await target(), scope, progress)

        return await self._operations.begin(
            call, answered, lambda: convert.metadata(progress, created_nanos=created, started_nanos=started)
        )
