"""What an observation tells those who steer decisions: what a call cost after all, and what its answer was worth.

The app enters here once for each new observation, after the engines have learned it and never when a restart replays
it: prices are kept from before. It learns nothing itself and changes no engine.
"""

from __future__ import annotations

from collections.abc import Iterable

from atp_grpc.domain.outcome import Observation
from atp_grpc.learning.rewards import graded_model, total_cost_nano_usd
from atp_grpc.learning.watching import Watch
from atp_grpc.routing.steering import Steering


def settle(observation: Observation, steerings: Iterable[tuple[Steering, Watch]]) -> None:
    """Tells every policy whose model was graded, and the policy that decided what came of it.

    Args:
        observation: a new one.
        steerings: of every policy, with the watch of its learner.
    """
    lesson, recorded = observation.lesson, observation.recorded
    graded = graded_model(observation)
    bill = total_cost_nano_usd(recorded, lesson) if recorded.attempts else None
    for steering, watch in steerings:
        if graded is not None:
            steering.newcomers.graded(graded)
        if steering.policy.name != lesson.revisions.policy:
            continue
        if bill is not None:
            steering.billed(lesson, bill)
        if recorded.quality is not None and graded == lesson.model:
            expected = watch.expected(lesson.predicted_mean, lesson.predicted_linear)
            steering.graded(lesson.tenant, expected=expected, actual=recorded.quality)
