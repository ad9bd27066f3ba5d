"""How often a light edit of a prompt sends it to another model, on one learned state and with the same chance.

`atp eval` enters here, once per file. Half of the rows are taught, prompts of the other half are asked about as they
are and edited; nothing is learned from the answers.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Final, NamedTuple

import numpy as np

from atp_grpc.app.identity import Draws
from atp_grpc.domain.clock import ManualClock
from atp_grpc.engine.contract import Choice, EngineError, Query
from atp_grpc.replay.edits import Edit, edited
from atp_grpc.replay.order import Halving, halves_of
from atp_grpc.replay.rooms import replay_rooms
from atp_grpc.replay.run import Run
from atp_grpc.replay.teaching import Teaching, teach_all

MOST_PROMPTS: Final = 1_000
AGAIN: Final = "nothing, drawn again"
"""What is compared with: the very same text, with other chance."""


@dataclass(frozen=True, slots=True)
class Steadiness:
    """What an edit did to the choices on so many prompts.

    `moved` is the share of them for which another model was drawn than before. The favourite is the model that the
    unedited prompt would most likely get; its propensity moved by `mean_shift` on average and by `most_shift` at most,
    up or down.
    """

    edit: str
    prompts: int
    moved: float
    mean_shift: float
    most_shift: float

    def as_json(self) -> dict[str, object]:
        """Plain values for `json.dumps`."""
        return asdict(self)


def steadiness_of(run: Run, cost_weight: float) -> list[Steadiness]:
    """Measures every edit on the file of a run, under its router; a file of one row has nothing to say.

    Each prompt, edited or not, comes second in a conversation that began with it, so the policy's `affinity_weight`
    counts for the model that the first one got.
    """
    if len(run.track) < 2:  # noqa: PLR2004 - one row to teach and one to ask about
        return []
    return asyncio.run(_measured(run, cost_weight))


class _Prompt(NamedTuple):
    """A text, the tokens it is charged for, the seed of its draw, and the model that its conversation is with."""

    text: str
    input_tokens: int
    seed: int
    favoured: int | None = None


async def _measured(run: Run, cost_weight: float) -> list[Steadiness]:
    tariff = run.settings[0].tariff
    asked, taught = halves_of(run.track.categories, 0, Halving.ROWS)
    async with replay_rooms(run.base, tariff, ManualClock()) as rooms:
        engine = rooms.engine
        teach_all(engine, Teaching(run.track, taught, tariff, run.base), taught)

        def choices(prompts: Sequence[_Prompt]) -> list[Choice]:
            policy, everyone = run.base.policy, tuple(range(len(run.track.models)))
            queries = [
                Query(
                    engine.generation,
                    everyone,
                    prompt.seed,
                    rooms.clock.now_nanos(),
                    prompt.input_tokens,
                    cost_weight,
                    policy.latency_weight,
                    prompt.text,
                    favoured=prompt.favoured,
                    favour=0.0 if prompt.favoured is None else policy.affinity_weight,
                )
                for prompt in prompts
            ]
            return [_choice(answer) for answer in engine.choose_batch(queries)]

        first = list(_prompts(run, asked[:MOST_PROMPTS]))
        talks = [one._replace(favoured=choice.chosen) for one, choice in zip(first, choices(first), strict=True)]
        before = choices(talks)
        found = []
        for edit in Edit:
            texts = [edited(edit, talk.text) for talk in talks]
            pairs = [(at, talks[at]._replace(text=text)) for at, text in enumerate(texts) if text is not None]
            prompts = [prompt for _, prompt in pairs]
            found.append(_compared(edit, prompts, [before[at] for at, _ in pairs], choices(prompts)))
        again = [talk._replace(seed=talk.seed ^ 1) for talk in talks]
        return [*found, _compared(AGAIN, again, before, choices(again))]


def _prompts(run: Run, rows: Sequence[int]) -> Iterator[_Prompt]:
    draws = Draws(hashlib.sha256(b"steadiness").digest())
    for row in rows:
        yield _Prompt(run.pool.rows[row].prompt, run.track.input_tokens[row], draws.seed())


def _compared(edit: str, prompts: Sequence[_Prompt], before: Sequence[Choice], after: Sequence[Choice]) -> Steadiness:
    if not prompts:
        return Steadiness(edit, 0, 0.0, 0.0, 0.0)
    moved = [choice.chosen != prompt.favoured for prompt, choice in zip(prompts, after, strict=True)]
    shifts = []
    for unedited, choice in zip(before, after, strict=True):
        favourite = int(np.argmax(unedited.propensities))
        shifts.append(abs(choice.propensities[favourite] - unedited.propensities[favourite]))
    return Steadiness(edit, len(prompts), float(np.mean(moved)), float(np.mean(shifts)), max(shifts))


def _choice(answer: Choice | EngineError) -> Choice:
    if isinstance(answer, EngineError):
        raise answer
    return answer
