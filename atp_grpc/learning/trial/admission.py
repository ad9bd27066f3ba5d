"""Whether a trial may start, and what it is then: a pure function of the policies and of the trials before.

`Trials` enters here. It changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from atp_grpc.domain.clock import NANOS_PER_SECOND
from atp_grpc.domain.errors import ChallengerUnfitError, ResourceNotFoundError, TrialCoolingDownError
from atp_grpc.domain.policy import DEFAULT_POLICY, PolicyTerms, RoutingPolicy, digest_of, table_of
from atp_grpc.learning.trial.hearing import Sides
from atp_grpc.learning.trial.run import TrialRun, TrialState
from atp_grpc.learning.trial.terms import TrialTerms
from atp_grpc.learning.trial.trial import Trial

COOL_DOWN_SECONDS: Final = 86_400.0
"""After a rollback, time until the same terms may be tried again."""
_LEAST_REST: Final = 1e-3


def admitted(
    terms: TrialTerms, policies: Mapping[str, RoutingPolicy], ended: Sequence[TrialRun], now_nanos: int
) -> TrialRun:
    """The trial that terms make, beginning now. `ended` are the trials before, the oldest first.

    Raises:
        ResourceNotFoundError: there is no such policy.
        ChallengerUnfitError: it is the default policy, or has a share of its own.
        TrialCoolingDownError: these very terms did harm a short while ago.
    """
    name = terms.challenger
    if name not in policies:
        raise ResourceNotFoundError("policy", name)
    policy, champion = policies[name], policies[DEFAULT_POLICY]
    if policy is champion:
        raise ChallengerUnfitError(name, "default")
    if policy.terms.traffic_share:
        raise ChallengerUnfitError(name, "has_share")
    digest = digest_without_share(policy.terms)
    for run in ended:
        if run.state is TrialState.ROLLED_BACK and run.digest == digest and run.ended_nanos is not None:
            left = COOL_DOWN_SECONDS - (now_nanos - run.ended_nanos) / NANOS_PER_SECOND
            if left > 0.0:
                raise TrialCoolingDownError(name, run.trial_id, left)
    rest = 1.0 - terms.share - sum(one.terms.traffic_share for one in policies.values())
    # A rest of nothing is refused where the share is given; a trial has two sides all the same.
    balance = terms.share / (terms.share + max(rest, _LEAST_REST))
    number = int(ended[-1].trial_id.rpartition("-")[2]) + 1 if ended else 1
    return TrialRun(
        trial_id=f"trial-{number:06d}",
        terms=terms,
        # The version that has the share is the next one.
        sides=Sides((champion.name, champion.version), (name, policy.version + 1), now_nanos),
        balance=balance,
        digest=digest,
        trial=Trial(terms, balance),
    )


def digest_without_share(terms: PolicyTerms) -> str:
    """Names terms, whatever share of the traffic they have."""
    return digest_of(table_of(replace(terms, traffic_share=0.0)))
