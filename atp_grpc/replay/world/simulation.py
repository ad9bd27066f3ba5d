"""Rows of the simulated world, in the type of recorded ones and always labelled as simulated.

The demo and the tests enter here when there is no recorded data. The rows say nothing about any real model, and the
same seed and prices give the same rows on every machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from atp_grpc.domain.money import TokenPrices
from atp_grpc.replay.outcomes import OutcomeRow
from atp_grpc.replay.world.chance import Chance
from atp_grpc.replay.world.law import LEVELS, NATURES, Family, outcome_of
from atp_grpc.replay.world.prompts import write_prompt

SIMULATED: Final = "simulated"
"""Source of every row of the simulated world."""
BYTES_PER_TOKEN: Final = 4


def simulate(prices: Mapping[str, TokenPrices], *, prompts: int = 2400, seed: int = 1) -> tuple[OutcomeRow, ...]:
    """Makes a world.

    Args:
        prices: what each of the six models costs.
        prompts: how many; a longer world begins with the shorter one.
        seed: another seed makes other prompts and other luck under the same law.

    Raises:
        ValueError: a price is missing or one model too many is priced.
    """
    if set(prices) != set(NATURES):
        raise ValueError(f"the simulated world needs prices of exactly {', '.join(NATURES)}")
    world = Chance("atp simulated world", seed)
    return tuple(_row(prices, world.under(number), f"{SIMULATED}-{seed}-{number:06d}") for number in range(prompts))


def _row(prices: Mapping[str, TokenPrices], chance: Chance, prompt_id: str) -> OutcomeRow:
    family = chance.pick("family", list(Family))
    level = chance.pick("level", LEVELS)
    prompt = write_prompt(family, level, chance.under("prompt"))
    input_tokens = -(-len(prompt.encode()) // BYTES_PER_TOKEN)
    return OutcomeRow(
        prompt_id=prompt_id,
        source=SIMULATED,
        category=family.value,
        prompt=prompt,
        outcomes=MappingProxyType(
            {model: outcome_of(model, family, level, input_tokens, prices[model], chance) for model in NATURES}
        ),
    )
