"""The texts on which the table's frequencies and axes are fitted.

Entered by the maker of the text table only. Two sources: the glosses of WordNet, which touch every subject there is,
and the prompts of the simulated world, which look like requests. No recorded prompt and no outcome is ever read here.
"""

from __future__ import annotations

import random
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from atp_grpc.replay.world.chance import Chance
from atp_grpc.replay.world.law import LEVELS, Family
from atp_grpc.replay.world.prompts import write_prompt

WORDNET_TEXTS: Final = 30_000
WORLD_TEXTS: Final = 6_000
SEED: Final = 1

_PARTS: Final = ("noun", "verb", "adj", "adv")
_SATELLITE: Final = {"s": "a"}

_Key = tuple[str, str]


def wordnet_texts(archive: Path) -> list[str]:
    """Entries of WordNet, each with those of its first two neighbours, so that a text has a subject and some length.

    The format is that of wndb(5WN): the offset, and after the words the pointers, then a bar and the gloss.
    """
    glosses: dict[_Key, str] = {}
    neighbours: dict[_Key, list[_Key]] = {}
    for line in _entries(archive):
        head, gloss = line.split(" | ", 1)
        offset, _, kind, word_count, *fields = head.split()
        words = 2 * int(word_count, 16)
        pointers = fields[words + 1 :]
        key = (_SATELLITE.get(kind, kind), offset)
        glosses[key] = f"{', '.join(fields[0:words:2])}: {gloss.strip()}".replace("_", " ")
        neighbours[key] = [(pointers[4 * n + 2], pointers[4 * n + 1]) for n in range(min(2, int(fields[words])))]
    texts = [" ".join([gloss, *(glosses[near] for near in neighbours[key])]) for key, gloss in glosses.items()]
    return random.Random(SEED).sample(texts, WORDNET_TEXTS)  # noqa: S311 - a sample of texts guards nothing


def _entries(archive: Path) -> Iterator[str]:
    with tarfile.open(archive) as package:
        for part in _PARTS:
            file = package.extractfile(f"package/dict/data.{part}")
            if file is None:
                raise ValueError(f"{archive.name} holds no WordNet: data.{part} is missing")
            for line in file.read().decode().splitlines():
                # The licence stands in front, each of its lines behind two spaces.
                if not line.startswith("  "):
                    yield line


def world_texts() -> list[str]:
    """Prompts of the simulated world, of all families and levels."""
    world = Chance("atp text table", SEED)
    return [_prompt(world.under(number)) for number in range(WORLD_TEXTS)]


def _prompt(chance: Chance) -> str:
    family, level = chance.pick("family", list(Family)), chance.pick("level", LEVELS)
    return write_prompt(family, level, chance.under("prompt"))
