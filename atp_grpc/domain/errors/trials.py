"""What a trial of a routing policy meets."""

from __future__ import annotations

from atp_grpc.domain.errors.error import AtpError


class TrialUnderWayError(AtpError):
    """Another trial runs, and there is one at a time."""

    reason = "TRIAL_UNDER_WAY"

    def __init__(self, trial: str) -> None:
        super().__init__("another trial runs", metadata={"trial": trial})


class PolicyOnTrialError(AtpError):
    """The routing policy is on trial and is not changed until that has ended."""

    reason = "POLICY_ON_TRIAL"

    def __init__(self, policy: str, trial: str) -> None:
        super().__init__("the routing policy is on trial", metadata={"policy": policy, "trial": trial})


class TrialCoolingDownError(AtpError):
    """These very terms were taken out of the traffic because they did harm, a short while ago."""

    reason = "TRIAL_COOLING_DOWN"

    def __init__(self, policy: str, trial: str, retry_after_seconds: float) -> None:
        super().__init__(
            "a trial of these very terms was rolled back a short while ago",
            metadata={"policy": policy, "trial": trial},
            retry_after_seconds=retry_after_seconds,
        )


class ChallengerUnfitError(AtpError):
    """The routing policy cannot be a challenger: it serves the rest itself, or has a share of the traffic already."""

    reason = "CHALLENGER_UNFIT"

    def __init__(self, policy: str, cause: str) -> None:
        super().__init__("the routing policy cannot be a challenger", metadata={"policy": policy, "cause": cause})
