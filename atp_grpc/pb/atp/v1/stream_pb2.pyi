from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class StreamEndReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STREAM_END_REASON_UNSPECIFIED: _ClassVar[StreamEndReason]
    STREAM_END_REASON_CALLER_DONE: _ClassVar[StreamEndReason]
    STREAM_END_REASON_AGE: _ClassVar[StreamEndReason]
    STREAM_END_REASON_DRAINING: _ClassVar[StreamEndReason]
STREAM_END_REASON_UNSPECIFIED: StreamEndReason
STREAM_END_REASON_CALLER_DONE: StreamEndReason
STREAM_END_REASON_AGE: StreamEndReason
STREAM_END_REASON_DRAINING: StreamEndReason

class StreamEnd(_message.Message):
    __slots__ = ("last_sequence", "reason")
    LAST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    last_sequence: int
    reason: StreamEndReason
    def __init__(self, last_sequence: _Optional[int] = ..., reason: _Optional[_Union[StreamEndReason, str]] = ...) -> None: ...
