"""Engines as the server makes them: those that need the text table share one, read once.

Entered by the fixtures, the vector writer and whoever wants both engines at once.
"""

from __future__ import annotations

from functools import cache

from atp_grpc.engine.contract import EngineParameters
from atp_grpc.engine.native import NativeEngine, NativeTextExtractor
from atp_grpc.engine.reference import ReferenceEngine
from atp_grpc.engine.reference.embedding import TEXT_SCHEMA, TextExtractor


def make_reference(parameters: EngineParameters) -> ReferenceEngine:
    return ReferenceEngine(parameters, _reference_text() if parameters.schema_id == TEXT_SCHEMA else None)


def make_native(parameters: EngineParameters) -> NativeEngine:
    return NativeEngine(parameters, _native_text() if parameters.schema_id == TEXT_SCHEMA else None)


@cache
def _reference_text() -> TextExtractor:
    return TextExtractor.load()


@cache
def _native_text() -> NativeTextExtractor:
    return NativeTextExtractor.load()
