"""An explanation in a few sentences of English.

Services enter here with what `explaining` found. Every sentence is made of names and numbers of the record; nothing of
a request's text is in either.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from atp_grpc.domain.decision import Candidate
from atp_grpc.domain.money import NANO_PER_USD
from atp_grpc.routing.explaining import Changes, Explanation, Parts, Weighed

_PART_NAMES = {
    "quality": "its quality",
    "failure": "its failures",
    "cost": "its cost",
    "cost_ceiling": "the policy's cost ceiling",
    "quality_floor": "the policy's quality floor",
    "latency": "its latency",
    "affinity": "the conversation it is in",
}


def summary(explanation: Explanation) -> str:
    """Who was drawn and why, who came next, what would have changed that, and who could not be drawn."""
    return " ".join(_sentences(explanation))


def _sentences(explanation: Explanation) -> Iterator[str]:
    decision, best = explanation.decision, explanation.best
    chosen = decision.candidates[decision.chosen]
    rivals = [one for one in explanation.weighed if one.is_rival]
    name, share = chosen.target.model, f"{chosen.propensity:.4f}"
    if len(rivals) == 1:
        yield f"{name} was the only one that could be drawn."
    elif explanation.is_explored:
        yield (
            f"{name} was drawn with probability {share} although {best.target.model} was expected to be better by "
            f"{explanation.given_up:.4f}: the draw explored."
        )
    else:
        yield f"{name} was expected to be the best of {len(rivals)} and was drawn with probability {share}."
    other = next((one for one in rivals if one.candidate is not best), None)
    if other is not None:
        yield from _next_best(best, other, explanation)
    yield from _left_out(explanation)
    if decision.scales is None:
        yield "What the utilities were made of and who was refused had not been noted yet when this was decided."


def _next_best(best: Candidate, other: Weighed, explanation: Explanation) -> Iterator[str]:
    name = other.candidate.target.model
    if other.gap == 0:
        yield f"{name} was expected to be as good."
        return
    yield f"{name} was {other.gap:.4f} behind {best.target.model}{_mostly(best, other, explanation)}."
    changes = other.changes
    if changes is not None and (told := list(_told(changes))):
        yield f"{name} would have been the best {' or '.join(told)}."


def _mostly(best: Candidate, other: Weighed, explanation: Explanation) -> str:
    """What tells most for the best one against another."""
    mine = next(one.parts for one in explanation.weighed if one.candidate is best)
    if mine is None or other.parts is None:
        return ""
    lead, part = max((ours - theirs, part) for ours, theirs, part in zip(mine, other.parts, Parts._fields, strict=True))
    return f"; what told most for {best.target.model} was {_PART_NAMES[part]} ({lead:+.4f})"


def _told(changes: Changes) -> Iterator[str]:
    if changes.quality is not None:
        yield f"at a predicted quality of {changes.quality:.4f}"
    if changes.cost_nano_usd is not None:
        yield f"at a cost of ${changes.cost_nano_usd / NANO_PER_USD:.9f}"
    if changes.latency_seconds is not None:
        yield f"at a latency of {changes.latency_seconds:.3f} s"
    if changes.cost_weight is not None:
        yield f"at a weight of cost of {changes.cost_weight:.4g}"


def _left_out(explanation: Explanation) -> Iterator[str]:
    aside = Counter(one.set_aside for one in explanation.weighed if one.set_aside is not None)
    refused = Counter(refusal.cause for refusal in explanation.decision.refusals)
    for count, what in ((aside, "set aside after weighing"), (refused, "refused before")):
        if count:
            causes = ", ".join(f"{number} for {cause.value}" for cause, number in sorted(count.items()))
            total = count.total()
            yield f"{total} {'was' if total == 1 else 'were'} {what}: {causes}."
