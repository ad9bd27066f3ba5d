"""The words of the domain and the enums of the contract are one to one."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

import pytest
from google.protobuf.descriptor import EnumDescriptor

from atp_grpc.domain.budget import BudgetPeriod
from atp_grpc.domain.decision import ReasonCode, RefusalCause
from atp_grpc.domain.event import EventKind
from atp_grpc.domain.model import ServingStatus
from atp_grpc.domain.outcome import AttemptError
from atp_grpc.domain.policy import Origin, WhenUnmet
from atp_grpc.domain.request import NamedObjective
from atp_grpc.domain.tenant import Permission
from atp_grpc.engine.contract import ContextMode, Learner
from atp_grpc.learning.trial.evidence import Question
from atp_grpc.learning.trial.run import StopCause, TrialState
from atp_grpc.learning.trial.terms import Verdict
from atp_grpc.pb.atp.admin.v1 import (
    catalog_service_pb2,
    event_service_pb2,
    policy_service_pb2,
    tenant_service_pb2,
    trial_pb2,
)
from atp_grpc.pb.atp.v1 import outcome_pb2, permission_pb2, routing_pb2
from atp_grpc.services.convert import catalog, decisions, outcomes, policies, tenants, trials

PAIRS: list[tuple[type[enum.StrEnum], EnumDescriptor]] = [
    (RefusalCause, routing_pb2.RefusalCause.DESCRIPTOR),
    (ReasonCode, routing_pb2.ReasonCode.DESCRIPTOR),
    (NamedObjective, routing_pb2.NamedObjective.DESCRIPTOR),
    (AttemptError, outcome_pb2.AttemptError.DESCRIPTOR),
    (Permission, permission_pb2.Permission.DESCRIPTOR),
    (ServingStatus, catalog_service_pb2.ServingStatus.DESCRIPTOR),
    (Origin, catalog_service_pb2.Origin.DESCRIPTOR),
    (BudgetPeriod, tenant_service_pb2.BudgetPeriod.DESCRIPTOR),
    (WhenUnmet, policy_service_pb2.WhenUnmet.DESCRIPTOR),
    (Learner, policy_service_pb2.Learner.DESCRIPTOR),
    (ContextMode, policy_service_pb2.ContextMode.DESCRIPTOR),
    (Verdict, trial_pb2.TrialVerdict.DESCRIPTOR),
    (TrialState, trial_pb2.TrialState.DESCRIPTOR),
    (StopCause, trial_pb2.TrialStopCause.DESCRIPTOR),
    (Question, trial_pb2.TrialQuestion.DESCRIPTOR),
    (EventKind, event_service_pb2.EventKind.DESCRIPTOR),
]


def prefix_of(contract: EnumDescriptor) -> str:
    (unspecified,) = [value.name for value in contract.values if value.number == 0]
    assert unspecified.endswith("_UNSPECIFIED")
    return unspecified.removesuffix("UNSPECIFIED")


@pytest.mark.parametrize(("words", "contract"), PAIRS, ids=lambda value: getattr(value, "__name__", ""))
def test_every_word_has_a_value_and_every_value_a_word(words: type[enum.StrEnum], contract: EnumDescriptor) -> None:
    named = {value.name.removeprefix(prefix_of(contract)) for value in contract.values if value.number != 0}
    assert named == {word.name for word in words}
    assert [word.value for word in words] == [word.name.lower() for word in words]


def test_every_word_is_converted_to_its_own_value() -> None:
    tables: list[tuple[Mapping[Any, int], type[enum.StrEnum]]] = [
        (decisions.REFUSAL_CAUSES, RefusalCause),
        (decisions.REASON_CODES, ReasonCode),
        (catalog.SERVING_STATUSES, ServingStatus),
        (policies.ORIGINS, Origin),
        (tenants.BUDGET_PERIODS, BudgetPeriod),
        (trials.VERDICTS, Verdict),
        (trials.STATES, TrialState),
        (trials.STOP_CAUSES, StopCause),
        (trials.QUESTIONS, Question),
        (trials.EVENT_KINDS, EventKind),
    ]
    for table, words in tables:
        assert set(table) == set(words)
        assert len(set(table.values())) == len(table)
        assert 0 not in table.values()
    assert set(outcomes.ATTEMPT_ERRORS.values()) == {None, *AttemptError}
    assert sorted(outcomes.ATTEMPT_ERRORS) == sorted(outcome_pb2.AttemptError.values())
