import datetime

from atp_grpc.pb.buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AttemptError(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ATTEMPT_ERROR_UNSPECIFIED: _ClassVar[AttemptError]
    ATTEMPT_ERROR_RATE_LIMITED: _ClassVar[AttemptError]
    ATTEMPT_ERROR_TIMEOUT: _ClassVar[AttemptError]
    ATTEMPT_ERROR_UNAVAILABLE: _ClassVar[AttemptError]
    ATTEMPT_ERROR_INVALID_REQUEST: _ClassVar[AttemptError]
    ATTEMPT_ERROR_REFUSED: _ClassVar[AttemptError]
    ATTEMPT_ERROR_CUT: _ClassVar[AttemptError]
    ATTEMPT_ERROR_CANCELLED: _ClassVar[AttemptError]
ATTEMPT_ERROR_UNSPECIFIED: AttemptError
ATTEMPT_ERROR_RATE_LIMITED: AttemptError
ATTEMPT_ERROR_TIMEOUT: AttemptError
ATTEMPT_ERROR_UNAVAILABLE: AttemptError
ATTEMPT_ERROR_INVALID_REQUEST: AttemptError
ATTEMPT_ERROR_REFUSED: AttemptError
ATTEMPT_ERROR_CUT: AttemptError
ATTEMPT_ERROR_CANCELLED: AttemptError

class Usage(_message.Message):
    __slots__ = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens", "cache_write_input_tokens")
    INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    CACHED_INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    REASONING_TOKENS_FIELD_NUMBER: _ClassVar[int]
    CACHE_WRITE_INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    input_tokens: int
    cached_input_tokens: int
    output_tokens: int
    reasoning_tokens: int
    cache_write_input_tokens: int
    def __init__(self, input_tokens: _Optional[int] = ..., cached_input_tokens: _Optional[int] = ..., output_tokens: _Optional[int] = ..., reasoning_tokens: _Optional[int] = ..., cache_write_input_tokens: _Optional[int] = ...) -> None: ...

class Attempt(_message.Message):
    __slots__ = ("model", "deployment", "error", "usage", "cost_nano_usd", "latency")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    DEPLOYMENT_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    COST_NANO_USD_FIELD_NUMBER: _ClassVar[int]
    LATENCY_FIELD_NUMBER: _ClassVar[int]
    model: str
    deployment: str
    error: AttemptError
    usage: Usage
    cost_nano_usd: int
    latency: _duration_pb2.Duration
    def __init__(self, model: _Optional[str] = ..., deployment: _Optional[str] = ..., error: _Optional[_Union[AttemptError, str]] = ..., usage: _Optional[_Union[Usage, _Mapping]] = ..., cost_nano_usd: _Optional[int] = ..., latency: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...
