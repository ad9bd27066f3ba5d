"""What a prior may be refused for when it is imported into a routing policy."""

from __future__ import annotations

from atp_grpc.domain.errors.error import AtpError, PreconditionViolation, Resource


class PriorDamagedError(AtpError):
    """The bytes are no prior, or are damaged or cut short."""

    reason = "PRIOR_DAMAGED"

    def __init__(self, complaint: str) -> None:
        super().__init__(complaint)


class PriorMisfitError(AtpError):
    """The prior was made for another kind of policy, or for none of the models that are served."""

    reason = "PRIOR_MISFIT"

    def __init__(self, policy: str, complaint: str) -> None:
        super().__init__(
            "the prior does not fit the routing policy",
            metadata={"policy": policy},
            preconditions=[PreconditionViolation("PRIOR", f"policies/{policy}", complaint)],
        )


class PriorAlreadyAppliedError(AtpError):
    """This very prior was imported into the policy before."""

    reason = "PRIOR_ALREADY_APPLIED"

    def __init__(self, policy: str, digest: str) -> None:
        super().__init__(
            "the policy was taught this prior before",
            metadata={"policy": policy},
            resource=Resource("prior", digest),
        )
