"""The part of OperationsService that injects faults: shows the rules in force, and replaces those of one target.

It reads and judges rules; `chaos` keeps them, and refuses them where the configuration does not allow any.
"""

from __future__ import annotations

from typing import cast

from atp_grpc.chaos import APPLICABLE, Chaos, ChaosFault, ChaosRule, ChaosTarget, Counted
from atp_grpc.domain.call import Call
from atp_grpc.domain.clock import NANOS_PER_SECOND
from atp_grpc.domain.errors import FieldViolation, InstanceMismatchError, InvalidFieldError
from atp_grpc.pb.atp.admin.v1 import operations_service_pb2 as pb

TARGETS = {
    target: cast("pb.ChaosTarget", pb.ChaosTarget.Value(f"CHAOS_TARGET_{target.name}")) for target in ChaosTarget
}
FAULTS = {fault: cast("pb.ChaosFault", pb.ChaosFault.Value(f"CHAOS_FAULT_{fault.name}")) for fault in ChaosFault}
_TARGETS_BY_NUMBER = {number: target for target, number in TARGETS.items()}
_FAULTS_BY_NUMBER = {number: fault for fault, number in FAULTS.items()}


class ChaosServicer:
    """Serves GetChaos and SetChaos of `atp.admin.v1.OperationsService`."""

    def __init__(self, *, instance_id: str, chaos: Chaos) -> None:
        self._instance_id = instance_id
        self._chaos = chaos

    async def get_chaos(self, request: pb.GetChaosRequest, call: Call) -> pb.GetChaosResponse:
        """Returns the rules in force, and how often every fault was injected."""
        chaos = self._chaos
        return pb.GetChaosResponse(
            instance_id=self._instance_id,
            allowed=chaos.is_allowed,
            rules=map(_told, chaos.counted()),
            total_injected={f"{target}.{fault}": count for (target, fault), count in chaos.injected.items()},
        )

    async def set_chaos(self, request: pb.SetChaosRequest, call: Call) -> pb.SetChaosResponse:
        """Replaces the rules of one target."""
        if request.instance_id and request.instance_id != self._instance_id:
            raise InstanceMismatchError(self._instance_id)
        target = _TARGETS_BY_NUMBER[request.target]
        rules = [_rule(rule) for rule in request.rules]
        if violations := [one for place, rule in enumerate(rules) for one in _violations(place, rule, target)]:
            raise InvalidFieldError(violations)
        self._chaos.set(target, rules, request.seed if request.HasField("seed") else None)
        return pb.SetChaosResponse(rules=map(_told, self._chaos.counted()))


def _rule(rule: pb.ChaosRule) -> ChaosRule:
    return ChaosRule(
        target=_TARGETS_BY_NUMBER[rule.target],
        fault=_FAULTS_BY_NUMBER[rule.fault],
        probability=rule.probability,
        delay_seconds=rule.delay.ToNanoseconds() / NANOS_PER_SECOND,
        deployment=rule.deployment,
    )


def _violations(place: int, rule: ChaosRule, target: ChaosTarget) -> list[FieldViolation]:
    """What a rule cannot mean."""
    found = []
    if rule.target is not target:
        found.append(("target", "must be the target of the request"))
    if rule.fault not in APPLICABLE[target]:
        found.append(("fault", f"the target {target} knows only {', '.join(sorted(APPLICABLE[target]))}"))
    if (rule.fault is ChaosFault.DELAY) != (rule.delay_seconds > 0.0):
        found.append(("delay", "must be above zero with the fault delay, and absent with any other"))
    if rule.deployment and target is not ChaosTarget.PROVIDER:
        found.append(("deployment", "only calls to providers have one"))
    return [FieldViolation(f"rules[{place}].{field}", sentence) for field, sentence in found]


def _told(counted: Counted) -> pb.ChaosCount:
    rule = counted.rule
    told = pb.ChaosRule(
        target=TARGETS[rule.target],
        fault=FAULTS[rule.fault],
        probability=rule.probability,
        deployment=rule.deployment,
    )
    if rule.delay_seconds:
        told.delay.FromNanoseconds(round(rule.delay_seconds * NANOS_PER_SECOND))
    return pb.ChaosCount(rule=told, total_injected=counted.injected)
