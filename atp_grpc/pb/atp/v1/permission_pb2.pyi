from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor

class Permission(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PERMISSION_UNSPECIFIED: _ClassVar[Permission]
    PERMISSION_ROUTE: _ClassVar[Permission]
    PERMISSION_OBSERVE: _ClassVar[Permission]
    PERMISSION_READ_DECISIONS: _ClassVar[Permission]
    PERMISSION_READ_CATALOG: _ClassVar[Permission]
    PERMISSION_OPERATE: _ClassVar[Permission]
    PERMISSION_READ_POLICIES: _ClassVar[Permission]
    PERMISSION_WRITE_POLICIES: _ClassVar[Permission]
    PERMISSION_ASK: _ClassVar[Permission]
PERMISSION_UNSPECIFIED: Permission
PERMISSION_ROUTE: Permission
PERMISSION_OBSERVE: Permission
PERMISSION_READ_DECISIONS: Permission
PERMISSION_READ_CATALOG: Permission
PERMISSION_OPERATE: Permission
PERMISSION_READ_POLICIES: Permission
PERMISSION_WRITE_POLICIES: Permission
PERMISSION_ASK: Permission
REQUIRED_PERMISSION_FIELD_NUMBER: _ClassVar[int]
required_permission: _descriptor.FieldDescriptor
