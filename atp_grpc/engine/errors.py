"""What an engine refuses, and how it fails; the contract passes these names on. State is never changed by any."""

from __future__ import annotations


class EngineError(ValueError):
    """Something the engine refuses. State is unchanged whenever one is raised."""


class InvalidQueryError(EngineError):
    """A query that breaks the contract: no candidate, unknown offer, wrong dimension, a number that is not finite."""


class InvalidOutcomeError(EngineError):
    """An outcome that breaks the contract: quality outside 0..1, a negative or non-finite figure, wrong dimension."""


class StaleGenerationError(EngineError):
    """The query was made against another generation of arms than the one loaded."""


class CorruptCheckpointError(EngineError):
    """Checkpoint bytes that are truncated, altered, or not a checkpoint at all."""


class CheckpointMismatchError(EngineError):
    """A sound checkpoint of another pool, feature schema, dimension, half-life or contract version."""


class EnginePanicError(RuntimeError):
    """The engine itself failed. Nothing was changed; the caller quarantines the engine and goes on with another."""


class DamagedTextTableError(RuntimeError):
    """The shipped text table is not the one that this version was made with; nothing that reads text may serve."""
