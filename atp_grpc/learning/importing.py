"""The story of importing a prior: it is read, held against what is served, and taught to the policy's engine for good.

PriorService enters here. What a refusal means to a caller is decided here; how a prior is laid out, kept and merged is
not. It decides nothing about traffic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from atp_grpc.domain.errors import (
    PriorAlreadyAppliedError,
    PriorDamagedError,
    PriorMisfitError,
    ResourceNotFoundError,
    StoreUnavailableError,
)
from atp_grpc.engine.contract import CheckpointMismatchError, EngineError
from atp_grpc.learning.journal import RETRY_SECONDS
from atp_grpc.learning.learner import Learner, PriorRefusedError
from atp_grpc.learning.prior import PriorFault, decode_prior, digest_of
from atp_grpc.learning.priors import AppliedPrior
from atp_grpc.store.contract import StoreFailure


@dataclass(frozen=True, slots=True)
class Imported:
    """A prior that is known, or that only was looked at; its models that nobody serves, and the learner's revision."""

    prior: AppliedPrior
    unknown_models: tuple[str, ...]
    revision: int


class PriorDesk:
    """Takes priors in, policy by policy."""

    def __init__(self, *, learner_of: Callable[[str], Learner | None], knows_model: Callable[[str], bool]) -> None:
        """`learner_of` finds a policy's learner by its name."""
        self._learner_of = learner_of
        self._knows_model = knows_model

    async def import_prior(self, policy: str, data: bytes, *, validate_only: bool) -> Imported:
        """Teaches a policy a prior; with `validate_only` only says whether that could be done.

        Raises:
            ResourceNotFoundError: there is no such policy.
            PriorDamagedError, PriorMisfitError, PriorAlreadyAppliedError, StoreUnavailableError: nothing was changed.
        """
        learner = self._learner(policy)
        try:
            header = decode_prior(data).header
            unknown = tuple(model for model in header.models if not self._knows_model(model))
            if len(unknown) == len(header.models):
                raise PriorMisfitError(policy, "the catalogue has none of its models")
            applied = await learner.import_prior(data, validate_only=validate_only)
        except PriorFault as fault:
            raise PriorDamagedError(str(fault)) from None
        except PriorRefusedError:
            raise PriorAlreadyAppliedError(policy, digest_of(data)) from None
        except (CheckpointMismatchError, EngineError) as error:
            raise PriorMisfitError(policy, str(error)) from None
        except StoreFailure:
            raise StoreUnavailableError(RETRY_SECONDS) from None
        return Imported(applied or AppliedPrior(digest_of(data), 0, header), unknown, learner.revision)

    async def applied(self, policy: str) -> tuple[list[AppliedPrior], int]:
        """What a policy was taught beforehand, and its learner's revision.

        Raises:
            ResourceNotFoundError: there is no such policy.
            StoreUnavailableError: it cannot be read.
        """
        learner = self._learner(policy)
        try:
            return await learner.priors(), learner.revision
        except StoreFailure:
            raise StoreUnavailableError(RETRY_SECONDS) from None

    def _learner(self, policy: str) -> Learner:
        learner = self._learner_of(policy)
        if learner is None:
            raise ResourceNotFoundError("policy", policy)
        return learner
