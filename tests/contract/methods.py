"""Every method of the contract, by its path: what pages and tables are held against."""

from __future__ import annotations

from google.protobuf.descriptor import MethodDescriptor

from atp_grpc.pb.atp.admin.v1 import (
    catalog_service_pb2,
    event_service_pb2,
    operations_service_pb2,
    policy_service_pb2,
    prior_service_pb2,
    tenant_service_pb2,
)
from atp_grpc.pb.atp.v1 import (
    ask_service_pb2,
    decision_service_pb2,
    observe_service_pb2,
    route_service_pb2,
)

ADMIN = (
    catalog_service_pb2,
    event_service_pb2,
    operations_service_pb2,
    policy_service_pb2,
    prior_service_pb2,
    tenant_service_pb2,
)
FILES = (*ADMIN, ask_service_pb2, decision_service_pb2, observe_service_pb2, route_service_pb2)
METHODS: dict[str, MethodDescriptor] = {
    f"{service.full_name}/{method.name}": method
    for file in FILES
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}
