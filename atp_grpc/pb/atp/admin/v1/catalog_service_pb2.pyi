import datetime

from atp_grpc.pb.atp.v1 import permission_pb2 as _permission_pb2
from atp_grpc.pb.buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Origin(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ORIGIN_UNSPECIFIED: _ClassVar[Origin]
    ORIGIN_FILE: _ClassVar[Origin]
    ORIGIN_API: _ClassVar[Origin]

class ServingStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SERVING_STATUS_UNSPECIFIED: _ClassVar[ServingStatus]
    SERVING_STATUS_ACTIVE: _ClassVar[ServingStatus]
    SERVING_STATUS_SHADOW: _ClassVar[ServingStatus]
    SERVING_STATUS_DRAINING: _ClassVar[ServingStatus]
    SERVING_STATUS_DEPRECATED: _ClassVar[ServingStatus]
ORIGIN_UNSPECIFIED: Origin
ORIGIN_FILE: Origin
ORIGIN_API: Origin
SERVING_STATUS_UNSPECIFIED: ServingStatus
SERVING_STATUS_ACTIVE: ServingStatus
SERVING_STATUS_SHADOW: ServingStatus
SERVING_STATUS_DRAINING: ServingStatus
SERVING_STATUS_DEPRECATED: ServingStatus

class Provider(_message.Message):
    __slots__ = ("name", "display_name", "origin")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    name: str
    display_name: str
    origin: Origin
    def __init__(self, name: _Optional[str] = ..., display_name: _Optional[str] = ..., origin: _Optional[_Union[Origin, str]] = ...) -> None: ...

class Model(_message.Message):
    __slots__ = ("name", "display_name", "capabilities", "context_tokens", "max_output_tokens", "status", "prior_quality", "origin")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    MAX_OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    PRIOR_QUALITY_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    name: str
    display_name: str
    capabilities: _containers.RepeatedScalarFieldContainer[str]
    context_tokens: int
    max_output_tokens: int
    status: ServingStatus
    prior_quality: float
    origin: Origin
    def __init__(self, name: _Optional[str] = ..., display_name: _Optional[str] = ..., capabilities: _Optional[_Iterable[str]] = ..., context_tokens: _Optional[int] = ..., max_output_tokens: _Optional[int] = ..., status: _Optional[_Union[ServingStatus, str]] = ..., prior_quality: _Optional[float] = ..., origin: _Optional[_Union[Origin, str]] = ...) -> None: ...

class Price(_message.Message):
    __slots__ = ("effective_from", "input_nano_usd_per_million_tokens", "cached_input_nano_usd_per_million_tokens", "output_nano_usd_per_million_tokens", "reasoning_nano_usd_per_million_tokens", "cache_write_input_nano_usd_per_million_tokens")
    EFFECTIVE_FROM_FIELD_NUMBER: _ClassVar[int]
    INPUT_NANO_USD_PER_MILLION_TOKENS_FIELD_NUMBER: _ClassVar[int]
    CACHED_INPUT_NANO_USD_PER_MILLION_TOKENS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_NANO_USD_PER_MILLION_TOKENS_FIELD_NUMBER: _ClassVar[int]
    REASONING_NANO_USD_PER_MILLION_TOKENS_FIELD_NUMBER: _ClassVar[int]
    CACHE_WRITE_INPUT_NANO_USD_PER_MILLION_TOKENS_FIELD_NUMBER: _ClassVar[int]
    effective_from: _timestamp_pb2.Timestamp
    input_nano_usd_per_million_tokens: int
    cached_input_nano_usd_per_million_tokens: int
    output_nano_usd_per_million_tokens: int
    reasoning_nano_usd_per_million_tokens: int
    cache_write_input_nano_usd_per_million_tokens: int
    def __init__(self, effective_from: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., input_nano_usd_per_million_tokens: _Optional[int] = ..., cached_input_nano_usd_per_million_tokens: _Optional[int] = ..., output_nano_usd_per_million_tokens: _Optional[int] = ..., reasoning_nano_usd_per_million_tokens: _Optional[int] = ..., cache_write_input_nano_usd_per_million_tokens: _Optional[int] = ...) -> None: ...

class EndpointInfo(_message.Message):
    __slots__ = ("dialect", "host", "upstream_model", "max_in_flight", "can_resume", "price_is_ceiling")
    DIALECT_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    UPSTREAM_MODEL_FIELD_NUMBER: _ClassVar[int]
    MAX_IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    CAN_RESUME_FIELD_NUMBER: _ClassVar[int]
    PRICE_IS_CEILING_FIELD_NUMBER: _ClassVar[int]
    dialect: str
    host: str
    upstream_model: str
    max_in_flight: int
    can_resume: bool
    price_is_ceiling: bool
    def __init__(self, dialect: _Optional[str] = ..., host: _Optional[str] = ..., upstream_model: _Optional[str] = ..., max_in_flight: _Optional[int] = ..., can_resume: _Optional[bool] = ..., price_is_ceiling: _Optional[bool] = ...) -> None: ...

class Deployment(_message.Message):
    __slots__ = ("name", "model", "provider", "regions", "data_scopes", "status", "prices", "origin", "endpoint")
    NAME_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    REGIONS_FIELD_NUMBER: _ClassVar[int]
    DATA_SCOPES_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    PRICES_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    name: str
    model: str
    provider: str
    regions: _containers.RepeatedScalarFieldContainer[str]
    data_scopes: _containers.RepeatedScalarFieldContainer[str]
    status: ServingStatus
    prices: _containers.RepeatedCompositeFieldContainer[Price]
    origin: Origin
    endpoint: EndpointInfo
    def __init__(self, name: _Optional[str] = ..., model: _Optional[str] = ..., provider: _Optional[str] = ..., regions: _Optional[_Iterable[str]] = ..., data_scopes: _Optional[_Iterable[str]] = ..., status: _Optional[_Union[ServingStatus, str]] = ..., prices: _Optional[_Iterable[_Union[Price, _Mapping]]] = ..., origin: _Optional[_Union[Origin, str]] = ..., endpoint: _Optional[_Union[EndpointInfo, _Mapping]] = ...) -> None: ...

class GetModelRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetModelResponse(_message.Message):
    __slots__ = ("model", "revision")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    model: Model
    revision: int
    def __init__(self, model: _Optional[_Union[Model, _Mapping]] = ..., revision: _Optional[int] = ...) -> None: ...

class ListModelsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListModelsResponse(_message.Message):
    __slots__ = ("models", "next_page_token", "revision")
    MODELS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    models: _containers.RepeatedCompositeFieldContainer[Model]
    next_page_token: str
    revision: int
    def __init__(self, models: _Optional[_Iterable[_Union[Model, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., revision: _Optional[int] = ...) -> None: ...

class GetDeploymentRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetDeploymentResponse(_message.Message):
    __slots__ = ("deployment", "revision")
    DEPLOYMENT_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    deployment: Deployment
    revision: int
    def __init__(self, deployment: _Optional[_Union[Deployment, _Mapping]] = ..., revision: _Optional[int] = ...) -> None: ...

class ListDeploymentsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListDeploymentsResponse(_message.Message):
    __slots__ = ("deployments", "next_page_token", "revision")
    DEPLOYMENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    deployments: _containers.RepeatedCompositeFieldContainer[Deployment]
    next_page_token: str
    revision: int
    def __init__(self, deployments: _Optional[_Iterable[_Union[Deployment, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., revision: _Optional[int] = ...) -> None: ...

class GetProviderRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetProviderResponse(_message.Message):
    __slots__ = ("provider", "revision")
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    provider: Provider
    revision: int
    def __init__(self, provider: _Optional[_Union[Provider, _Mapping]] = ..., revision: _Optional[int] = ...) -> None: ...

class ListProvidersRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListProvidersResponse(_message.Message):
    __slots__ = ("providers", "next_page_token", "revision")
    PROVIDERS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    providers: _containers.RepeatedCompositeFieldContainer[Provider]
    next_page_token: str
    revision: int
    def __init__(self, providers: _Optional[_Iterable[_Union[Provider, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., revision: _Optional[int] = ...) -> None: ...
