import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class BreakerState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BREAKER_STATE_UNSPECIFIED: _ClassVar[BreakerState]
    BREAKER_STATE_CLOSED: _ClassVar[BreakerState]
    BREAKER_STATE_OPEN: _ClassVar[BreakerState]
    BREAKER_STATE_HALF_OPEN: _ClassVar[BreakerState]

class BreakerMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BREAKER_MODE_UNSPECIFIED: _ClassVar[BreakerMode]
    BREAKER_MODE_AUTO: _ClassVar[BreakerMode]
    BREAKER_MODE_FORCED_OPEN: _ClassVar[BreakerMode]
    BREAKER_MODE_FORCED_CLOSED: _ClassVar[BreakerMode]
BREAKER_STATE_UNSPECIFIED: BreakerState
BREAKER_STATE_CLOSED: BreakerState
BREAKER_STATE_OPEN: BreakerState
BREAKER_STATE_HALF_OPEN: BreakerState
BREAKER_MODE_UNSPECIFIED: BreakerMode
BREAKER_MODE_AUTO: BreakerMode
BREAKER_MODE_FORCED_OPEN: BreakerMode
BREAKER_MODE_FORCED_CLOSED: BreakerMode

class DeploymentHealth(_message.Message):
    __slots__ = ("deployment", "model", "provider", "state", "mode", "open_until", "in_flight", "concurrency_limit", "total_succeeded", "total_failed", "first_token", "keys_ready", "keys_resting")
    class TotalFailedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    DEPLOYMENT_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    OPEN_UNTIL_FIELD_NUMBER: _ClassVar[int]
    IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    CONCURRENCY_LIMIT_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SUCCEEDED_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FAILED_FIELD_NUMBER: _ClassVar[int]
    FIRST_TOKEN_FIELD_NUMBER: _ClassVar[int]
    KEYS_READY_FIELD_NUMBER: _ClassVar[int]
    KEYS_RESTING_FIELD_NUMBER: _ClassVar[int]
    deployment: str
    model: str
    provider: str
    state: BreakerState
    mode: BreakerMode
    open_until: _timestamp_pb2.Timestamp
    in_flight: int
    concurrency_limit: int
    total_succeeded: int
    total_failed: _containers.ScalarMap[str, int]
    first_token: _duration_pb2.Duration
    keys_ready: int
    keys_resting: int
    def __init__(self, deployment: _Optional[str] = ..., model: _Optional[str] = ..., provider: _Optional[str] = ..., state: _Optional[_Union[BreakerState, str]] = ..., mode: _Optional[_Union[BreakerMode, str]] = ..., open_until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., in_flight: _Optional[int] = ..., concurrency_limit: _Optional[int] = ..., total_succeeded: _Optional[int] = ..., total_failed: _Optional[_Mapping[str, int]] = ..., first_token: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., keys_ready: _Optional[int] = ..., keys_resting: _Optional[int] = ...) -> None: ...
