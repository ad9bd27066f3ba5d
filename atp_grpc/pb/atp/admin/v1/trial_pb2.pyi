import datetime

from atp_grpc.pb.buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TrialVerdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRIAL_VERDICT_UNSPECIFIED: _ClassVar[TrialVerdict]
    TRIAL_VERDICT_GO_ON: _ClassVar[TrialVerdict]
    TRIAL_VERDICT_PROMOTE: _ClassVar[TrialVerdict]
    TRIAL_VERDICT_ROLL_BACK: _ClassVar[TrialVerdict]
    TRIAL_VERDICT_FUTILE: _ClassVar[TrialVerdict]

class TrialState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRIAL_STATE_UNSPECIFIED: _ClassVar[TrialState]
    TRIAL_STATE_RUNNING: _ClassVar[TrialState]
    TRIAL_STATE_PROMOTED: _ClassVar[TrialState]
    TRIAL_STATE_ROLLED_BACK: _ClassVar[TrialState]
    TRIAL_STATE_STOPPED: _ClassVar[TrialState]

class TrialStopCause(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRIAL_STOP_CAUSE_UNSPECIFIED: _ClassVar[TrialStopCause]
    TRIAL_STOP_CAUSE_OPERATOR: _ClassVar[TrialStopCause]
    TRIAL_STOP_CAUSE_FUTILE: _ClassVar[TrialStopCause]
    TRIAL_STOP_CAUSE_POLICY_CHANGED: _ClassVar[TrialStopCause]
    TRIAL_STOP_CAUSE_PROMOTION_REFUSED: _ClassVar[TrialStopCause]

class TrialQuestion(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRIAL_QUESTION_UNSPECIFIED: _ClassVar[TrialQuestion]
    TRIAL_QUESTION_QUALITY_NOT_WORSE: _ClassVar[TrialQuestion]
    TRIAL_QUESTION_QUALITY_BETTER: _ClassVar[TrialQuestion]
    TRIAL_QUESTION_QUALITY_WORSE: _ClassVar[TrialQuestion]
    TRIAL_QUESTION_COST_LOWER: _ClassVar[TrialQuestion]
    TRIAL_QUESTION_FAILURE_NOT_WORSE: _ClassVar[TrialQuestion]
    TRIAL_QUESTION_FAILURE_WORSE: _ClassVar[TrialQuestion]
    TRIAL_QUESTION_LATENCY_NOT_WORSE: _ClassVar[TrialQuestion]
TRIAL_VERDICT_UNSPECIFIED: TrialVerdict
TRIAL_VERDICT_GO_ON: TrialVerdict
TRIAL_VERDICT_PROMOTE: TrialVerdict
TRIAL_VERDICT_ROLL_BACK: TrialVerdict
TRIAL_VERDICT_FUTILE: TrialVerdict
TRIAL_STATE_UNSPECIFIED: TrialState
TRIAL_STATE_RUNNING: TrialState
TRIAL_STATE_PROMOTED: TrialState
TRIAL_STATE_ROLLED_BACK: TrialState
TRIAL_STATE_STOPPED: TrialState
TRIAL_STOP_CAUSE_UNSPECIFIED: TrialStopCause
TRIAL_STOP_CAUSE_OPERATOR: TrialStopCause
TRIAL_STOP_CAUSE_FUTILE: TrialStopCause
TRIAL_STOP_CAUSE_POLICY_CHANGED: TrialStopCause
TRIAL_STOP_CAUSE_PROMOTION_REFUSED: TrialStopCause
TRIAL_QUESTION_UNSPECIFIED: TrialQuestion
TRIAL_QUESTION_QUALITY_NOT_WORSE: TrialQuestion
TRIAL_QUESTION_QUALITY_BETTER: TrialQuestion
TRIAL_QUESTION_QUALITY_WORSE: TrialQuestion
TRIAL_QUESTION_COST_LOWER: TrialQuestion
TRIAL_QUESTION_FAILURE_NOT_WORSE: TrialQuestion
TRIAL_QUESTION_FAILURE_WORSE: TrialQuestion
TRIAL_QUESTION_LATENCY_NOT_WORSE: TrialQuestion

class TrialGates(_message.Message):
    __slots__ = ("quality_margin", "cost_saving", "failure_margin", "ignores_failures", "latency_margin")
    QUALITY_MARGIN_FIELD_NUMBER: _ClassVar[int]
    COST_SAVING_FIELD_NUMBER: _ClassVar[int]
    FAILURE_MARGIN_FIELD_NUMBER: _ClassVar[int]
    IGNORES_FAILURES_FIELD_NUMBER: _ClassVar[int]
    LATENCY_MARGIN_FIELD_NUMBER: _ClassVar[int]
    quality_margin: float
    cost_saving: float
    failure_margin: float
    ignores_failures: bool
    latency_margin: float
    def __init__(self, quality_margin: _Optional[float] = ..., cost_saving: _Optional[float] = ..., failure_margin: _Optional[float] = ..., ignores_failures: _Optional[bool] = ..., latency_margin: _Optional[float] = ...) -> None: ...

class TrialEvidence(_message.Message):
    __slots__ = ("question", "wealth", "shown")
    QUESTION_FIELD_NUMBER: _ClassVar[int]
    WEALTH_FIELD_NUMBER: _ClassVar[int]
    SHOWN_FIELD_NUMBER: _ClassVar[int]
    question: TrialQuestion
    wealth: float
    shown: bool
    def __init__(self, question: _Optional[_Union[TrialQuestion, str]] = ..., wealth: _Optional[float] = ..., shown: _Optional[bool] = ...) -> None: ...

class TrialSide(_message.Message):
    __slots__ = ("policy", "version", "graded_requests", "mean_quality", "billed_requests", "mean_cost_nano_usd", "attempted_requests", "failure_rate", "timed_requests", "mean_latency_seconds")
    POLICY_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    GRADED_REQUESTS_FIELD_NUMBER: _ClassVar[int]
    MEAN_QUALITY_FIELD_NUMBER: _ClassVar[int]
    BILLED_REQUESTS_FIELD_NUMBER: _ClassVar[int]
    MEAN_COST_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTED_REQUESTS_FIELD_NUMBER: _ClassVar[int]
    FAILURE_RATE_FIELD_NUMBER: _ClassVar[int]
    TIMED_REQUESTS_FIELD_NUMBER: _ClassVar[int]
    MEAN_LATENCY_SECONDS_FIELD_NUMBER: _ClassVar[int]
    policy: str
    version: int
    graded_requests: int
    mean_quality: float
    billed_requests: int
    mean_cost_nano_usd: float
    attempted_requests: int
    failure_rate: float
    timed_requests: int
    mean_latency_seconds: float
    def __init__(self, policy: _Optional[str] = ..., version: _Optional[int] = ..., graded_requests: _Optional[int] = ..., mean_quality: _Optional[float] = ..., billed_requests: _Optional[int] = ..., mean_cost_nano_usd: _Optional[float] = ..., attempted_requests: _Optional[int] = ..., failure_rate: _Optional[float] = ..., timed_requests: _Optional[int] = ..., mean_latency_seconds: _Optional[float] = ...) -> None: ...

class Trial(_message.Message):
    __slots__ = ("id", "state", "verdict", "stop_cause", "share", "gates", "max_requests", "hold", "started", "ended", "total_requests", "held", "champion", "challenger", "evidence")
    ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    STOP_CAUSE_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    GATES_FIELD_NUMBER: _ClassVar[int]
    MAX_REQUESTS_FIELD_NUMBER: _ClassVar[int]
    HOLD_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    TOTAL_REQUESTS_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    CHAMPION_FIELD_NUMBER: _ClassVar[int]
    CHALLENGER_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    id: str
    state: TrialState
    verdict: TrialVerdict
    stop_cause: TrialStopCause
    share: float
    gates: TrialGates
    max_requests: int
    hold: int
    started: _timestamp_pb2.Timestamp
    ended: _timestamp_pb2.Timestamp
    total_requests: int
    held: int
    champion: TrialSide
    challenger: TrialSide
    evidence: _containers.RepeatedCompositeFieldContainer[TrialEvidence]
    def __init__(self, id: _Optional[str] = ..., state: _Optional[_Union[TrialState, str]] = ..., verdict: _Optional[_Union[TrialVerdict, str]] = ..., stop_cause: _Optional[_Union[TrialStopCause, str]] = ..., share: _Optional[float] = ..., gates: _Optional[_Union[TrialGates, _Mapping]] = ..., max_requests: _Optional[int] = ..., hold: _Optional[int] = ..., started: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., ended: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., total_requests: _Optional[int] = ..., held: _Optional[int] = ..., champion: _Optional[_Union[TrialSide, _Mapping]] = ..., challenger: _Optional[_Union[TrialSide, _Mapping]] = ..., evidence: _Optional[_Iterable[_Union[TrialEvidence, _Mapping]]] = ...) -> None: ...

class StartTrialRequest(_message.Message):
    __slots__ = ("challenger", "share", "gates", "max_requests", "hold", "request_id", "validate_only")
    CHALLENGER_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    GATES_FIELD_NUMBER: _ClassVar[int]
    MAX_REQUESTS_FIELD_NUMBER: _ClassVar[int]
    HOLD_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    challenger: str
    share: float
    gates: TrialGates
    max_requests: int
    hold: int
    request_id: str
    validate_only: bool
    def __init__(self, challenger: _Optional[str] = ..., share: _Optional[float] = ..., gates: _Optional[_Union[TrialGates, _Mapping]] = ..., max_requests: _Optional[int] = ..., hold: _Optional[int] = ..., request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class StartTrialResponse(_message.Message):
    __slots__ = ("trial",)
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    trial: Trial
    def __init__(self, trial: _Optional[_Union[Trial, _Mapping]] = ...) -> None: ...

class GetTrialRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class GetTrialResponse(_message.Message):
    __slots__ = ("trial",)
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    trial: Trial
    def __init__(self, trial: _Optional[_Union[Trial, _Mapping]] = ...) -> None: ...

class ListTrialsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListTrialsResponse(_message.Message):
    __slots__ = ("trials", "next_page_token")
    TRIALS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    trials: _containers.RepeatedCompositeFieldContainer[Trial]
    next_page_token: str
    def __init__(self, trials: _Optional[_Iterable[_Union[Trial, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class StopTrialRequest(_message.Message):
    __slots__ = ("id", "request_id", "validate_only")
    ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    id: str
    request_id: str
    validate_only: bool
    def __init__(self, id: _Optional[str] = ..., request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class StopTrialResponse(_message.Message):
    __slots__ = ("trial",)
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    trial: Trial
    def __init__(self, trial: _Optional[_Union[Trial, _Mapping]] = ...) -> None: ...
