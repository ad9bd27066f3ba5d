"""`atp server`: what a server process is, what it has loaded and what it has learned."""

from __future__ import annotations

import argparse

from atp_grpc.cli import wording
from atp_grpc.cli.answer import Answer, Line, Part, Record, Sheet
from atp_grpc.cli.connection import add_connection_options, ask
from atp_grpc.cli.printing import add_json_option
from atp_grpc.client.messages import ArmInfo, CatalogInfo, EngineInfo, GetServerInfoRequest, GetServerInfoResponse

_ARMS = ("model", "observations", "quality", "output tokens", "latency", "fails")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describes the command's options."""
    add_connection_options(parser)
    add_json_option(parser)


def run(options: argparse.Namespace) -> Answer:
    """Asks a server about itself."""
    info: GetServerInfoResponse = ask(options, lambda atp: atp.get_server_info(GetServerInfoRequest()))
    parts: list[Part] = [
        Record(
            [
                ("instance", info.instance_id),
                ("version", info.version),
                ("started", wording.moment(info.started_at)),
                ("profile", info.profile),
                ("store", info.store),
                ("replica", f"{info.replica}, {info.last_sequence} observations stored"),
                *_engine_facts(info.engine),
                *_catalog_facts(info.catalog),
            ]
        ),
        Sheet("What it has learned", _ARMS, [_arm(arm) for arm in info.engine.arms]),
    ]
    parts.extend(
        Line(f"the last reload was refused: {complaint}") for complaint in info.catalog.last_failure.complaints
    )
    return Answer(document=wording.document_of(info), parts=parts)


def _engine_facts(engine: EngineInfo) -> list[tuple[str, str]]:
    return [
        ("engine", f"{engine.name} {engine.version}" + (", native engine set aside" if engine.quarantined else "")),
        ("learned", f"{engine.learned} outcomes"),
        ("context", f"{'on' if engine.context_on else 'off'} ({engine.context_z:+.2f} standard errors)"),
        ("features", f"{engine.feature_schema}, {engine.feature_dimension} values"),
    ]


def _catalog_facts(catalog: CatalogInfo) -> list[tuple[str, str]]:
    return [
        ("catalogue", f"revision {catalog.revision}, {catalog.models} models, {catalog.deployments} deployments"),
        ("in force since", wording.moment(catalog.loaded_at)),
        ("digest", catalog.digest),
    ]


def _arm(arm: ArmInfo) -> tuple[str, ...]:
    return (
        arm.model,
        f"{arm.observations:.1f}",
        f"{arm.quality:.3f}",
        f"{arm.output_tokens:.0f}",
        f"{arm.latency_seconds:.2f} s",
        f"{arm.failure_rate:.1%}",
    )
