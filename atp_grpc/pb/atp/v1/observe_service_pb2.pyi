from atp_grpc.pb.atp.v1 import outcome_pb2 as _outcome_pb2
from atp_grpc.pb.atp.v1 import permission_pb2 as _permission_pb2
from atp_grpc.pb.atp.v1 import stream_pb2 as _stream_pb2
from atp_grpc.pb.buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.rpc import status_pb2 as _status_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ObserveRequest(_message.Message):
    __slots__ = ("feedback_token", "decision_id", "quality", "attempts", "labels")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    FEEDBACK_TOKEN_FIELD_NUMBER: _ClassVar[int]
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    QUALITY_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    feedback_token: bytes
    decision_id: str
    quality: float
    attempts: _containers.RepeatedCompositeFieldContainer[_outcome_pb2.Attempt]
    labels: _containers.ScalarMap[str, str]
    def __init__(self, feedback_token: _Optional[bytes] = ..., decision_id: _Optional[str] = ..., quality: _Optional[float] = ..., attempts: _Optional[_Iterable[_Union[_outcome_pb2.Attempt, _Mapping]]] = ..., labels: _Optional[_Mapping[str, str]] = ...) -> None: ...

class ObserveResponse(_message.Message):
    __slots__ = ("decision_id", "recorded_fields", "unchanged_fields", "replica", "sequence")
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    RECORDED_FIELDS_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_FIELDS_FIELD_NUMBER: _ClassVar[int]
    REPLICA_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    recorded_fields: _containers.RepeatedScalarFieldContainer[str]
    unchanged_fields: _containers.RepeatedScalarFieldContainer[str]
    replica: str
    sequence: int
    def __init__(self, decision_id: _Optional[str] = ..., recorded_fields: _Optional[_Iterable[str]] = ..., unchanged_fields: _Optional[_Iterable[str]] = ..., replica: _Optional[str] = ..., sequence: _Optional[int] = ...) -> None: ...

class ObserveBatchRequest(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[ObserveRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[ObserveRequest, _Mapping]]] = ...) -> None: ...

class ObserveResult(_message.Message):
    __slots__ = ("response", "error")
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    response: ObserveResponse
    error: _status_pb2.Status
    def __init__(self, response: _Optional[_Union[ObserveResponse, _Mapping]] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...

class ObserveBatchResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[ObserveResult]
    def __init__(self, results: _Optional[_Iterable[_Union[ObserveResult, _Mapping]]] = ...) -> None: ...

class ObserveStreamRequest(_message.Message):
    __slots__ = ("request",)
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    request: ObserveRequest
    def __init__(self, request: _Optional[_Union[ObserveRequest, _Mapping]] = ...) -> None: ...

class ObserveStreamFailure(_message.Message):
    __slots__ = ("sequence", "error")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    error: _status_pb2.Status
    def __init__(self, sequence: _Optional[int] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...

class ObserveStreamAck(_message.Message):
    __slots__ = ("last_sequence", "failures", "total_unchanged")
    LAST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    FAILURES_FIELD_NUMBER: _ClassVar[int]
    TOTAL_UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    last_sequence: int
    failures: _containers.RepeatedCompositeFieldContainer[ObserveStreamFailure]
    total_unchanged: int
    def __init__(self, last_sequence: _Optional[int] = ..., failures: _Optional[_Iterable[_Union[ObserveStreamFailure, _Mapping]]] = ..., total_unchanged: _Optional[int] = ...) -> None: ...

class ObserveStreamResponse(_message.Message):
    __slots__ = ("ack", "end")
    ACK_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    ack: ObserveStreamAck
    end: _stream_pb2.StreamEnd
    def __init__(self, ack: _Optional[_Union[ObserveStreamAck, _Mapping]] = ..., end: _Optional[_Union[_stream_pb2.StreamEnd, _Mapping]] = ...) -> None: ...
