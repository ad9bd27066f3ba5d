"""The words by which operators steer are the same on the wire and inside."""

from __future__ import annotations

import enum

import pytest
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

from atp_grpc.chaos import ChaosFault, ChaosTarget
from atp_grpc.pb.atp.admin.v1 import deployment_health_pb2 as health_pb
from atp_grpc.pb.atp.admin.v1 import operations_service_pb2 as pb
from atp_grpc.providers.breaker import BreakerMode, BreakerPhase
from atp_grpc.services.health import MODES, STATES


@pytest.mark.parametrize(
    ("wire", "prefix", "inside"),
    [(pb.ChaosTarget, "CHAOS_TARGET_", ChaosTarget), (pb.ChaosFault, "CHAOS_FAULT_", ChaosFault)],
)
def test_targets_and_faults_of_chaos(wire: EnumTypeWrapper, prefix: str, inside: type[enum.Enum]) -> None:
    names = ("UNSPECIFIED", *(member.name for member in inside))
    assert [value.name for value in wire.DESCRIPTOR.values] == [prefix + name for name in names]


def test_states_and_modes_of_breakers() -> None:
    assert set(STATES) == set(BreakerPhase)
    assert set(MODES) == set(BreakerMode)
    assert set(STATES.values()) == set(health_pb.BreakerState.values()) - {0}
    assert set(MODES.values()) == set(health_pb.BreakerMode.values()) - {0}
