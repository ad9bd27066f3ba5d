"""OperationsService on the wire: looks into one process and reloads its catalogue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from atp_grpc.catalog.live import LiveCatalogue
from atp_grpc.catalog.loader import CatalogueFault
from atp_grpc.domain.call import Call
from atp_grpc.domain.clock import Clock
from atp_grpc.domain.errors import (
    CatalogInvalidError,
    InstanceMismatchError,
    PreconditionViolation,
    StoreUnavailableError,
)
from atp_grpc.engine.contract import Engine
from atp_grpc.learning.journal import RETRY_SECONDS
from atp_grpc.pb.atp.admin.v1 import operations_service_pb2 as pb
from atp_grpc.services.convert.decisions import moment
from atp_grpc.store.contract import StoreFailure


@dataclass(frozen=True, slots=True)
class Instance:
    """What this process is."""

    instance_id: str
    version: str
    started_nanos: int
    profile: str
    store: str
    replica: str


class OperationsServicer:
    """Serves `atp.admin.v1.OperationsService`."""

    contract = pb.DESCRIPTOR.services_by_name["OperationsService"]

    def __init__(
        self,
        *,
        instance: Instance,
        catalogue: LiveCatalogue,
        engine: Engine,
        quarantined: Callable[[], bool],
        last_sequence: Callable[[], int],
        clock: Clock,
    ) -> None:
        self._instance = instance
        self._catalogue = catalogue
        self._engine = engine
        self._quarantined = quarantined
        self._last_sequence = last_sequence
        self._clock = clock

    async def get_server_info(self, request: pb.GetServerInfoRequest, call: Call) -> pb.GetServerInfoResponse:
        """Returns what this process is, has loaded and has learned."""
        instance = self._instance
        return pb.GetServerInfoResponse(
            instance_id=instance.instance_id,
            version=instance.version,
            started_at=moment(instance.started_nanos),
            profile=instance.profile,
            store=instance.store,
            replica=instance.replica,
            engine=self._engine_info(),
            catalog=self._catalog_info(),
            last_sequence=self._last_sequence(),
        )

    async def reload_catalog(self, request: pb.ReloadCatalogRequest, call: Call) -> pb.ReloadCatalogResponse:
        """Reads the catalogue file again: whole or not at all."""
        if request.instance_id and request.instance_id != self._instance.instance_id:
            raise InstanceMismatchError(self._instance.instance_id)
        try:
            changed = await self._catalogue.reload(validate_only=request.validate_only)
        except StoreFailure:
            raise StoreUnavailableError(RETRY_SECONDS) from None
        except CatalogueFault as fault:
            complaints = [PreconditionViolation("CATALOG", "catalog", complaint) for complaint in fault.complaints]
            raise CatalogInvalidError(complaints) from None
        return pb.ReloadCatalogResponse(revision=self._catalogue.snapshot.revision, changed=changed)

    def _engine_info(self) -> pb.EngineInfo:
        summary = self._engine.summary(self._clock.now_nanos())
        parameters = self._engine.parameters
        return pb.EngineInfo(
            name=self._engine.name,
            version=self._engine.version,
            quarantined=self._quarantined(),
            learned=summary.learned,
            context_on=summary.context_on,
            context_z=summary.context_z,
            feature_schema=parameters.schema_id,
            feature_dimension=parameters.dimension,
            arms=[
                pb.ArmInfo(
                    model=arm.name,
                    observations=arm.observations,
                    quality=arm.quality,
                    output_tokens=arm.output_tokens,
                    latency_seconds=arm.latency_seconds,
                    failure_rate=arm.failure_rate,
                )
                for arm in summary.arms
            ],
        )

    def _catalog_info(self) -> pb.CatalogInfo:
        snapshot, failure = self._catalogue.snapshot, self._catalogue.last_failure
        info = pb.CatalogInfo(
            revision=snapshot.revision,
            loaded_at=moment(snapshot.loaded_nanos),
            digest=snapshot.digest,
            models=len(snapshot.models),
            deployments=len(snapshot.deployments),
        )
        if failure is not None:
            info.last_failure.failed_at.CopyFrom(moment(failure.failed_nanos))
            info.last_failure.complaints.extend(failure.complaints)
        return info
