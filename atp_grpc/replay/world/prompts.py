"""Templates of the simulated prompts: eight families, five levels; a higher level asks for more in the same text.

`simulate` enters here once per prompt. Family and level show in the text the way they do in real traffic (length,
numbers, code, lists), so a router that reads the text can gain from it; the prompts are the project's own and hold no
real person.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from atp_grpc.replay.world import wording
from atp_grpc.replay.world.chance import Chance
from atp_grpc.replay.world.law import Family


def write_prompt(family: Family, level: int, chance: Chance) -> str:
    """Writes one prompt."""
    return _WRITERS[family](level, chance)


def _arithmetic(level: int, chance: Chance) -> str:
    who, thing, place = (
        chance.pick(*of) for of in (("who", wording.PEOPLE), ("thing", wording.THINGS), ("place", wording.PLACES))
    )
    lines = [f"{who} runs a {place} and starts the week with {chance.whole('start', 40, 900)} {thing}."]
    for step in range(level):
        amount = chance.whole(f"amount {step}", 3, 60)
        lines.append(
            chance.pick(f"step {step}", wording.CALCULATIONS).format(n=amount, thing=thing, day=wording.DAYS[step])
        )
    lines.append(chance.pick("question", wording.CALCULATION_QUESTIONS).format(thing=thing))
    return " ".join(lines)


def _coding(level: int, chance: Chance) -> str:
    language = chance.pick("language", wording.LANGUAGES_OF_CODE)
    task = chance.pick("task", wording.CODE_TASKS)
    demands = chance.order("demands", wording.CODE_DEMANDS)[: level - 1]
    text = f"Write a {language} function that {task}."
    return "\n".join([text, *(f"- {demand}" for demand in demands)])


def _repair(level: int, chance: Chance) -> str:
    name = chance.pick("name", wording.FUNCTION_NAMES)
    lines = [f"def {name}(items, limit={chance.whole('limit', 2, 64)}):", "    result = []"]
    for step in range(level):
        lines.extend(f"    {line}" for line in chance.pick(f"step {step}", wording.FAULTY_STEPS))
    lines.append("    return result")
    symptom = chance.pick("symptom", wording.SYMPTOMS)
    return (
        f"This code {symptom}. Find the mistake and return the corrected function.\n```python\n"
        + "\n".join(lines)
        + "\n```"
    )


def _summary(level: int, chance: Chance) -> str:
    topic = chance.pick("topic", wording.TOPICS)
    sentences = chance.order("sentences", wording.SENTENCES)[: 2 + 2 * level]
    form = chance.pick("form", wording.SUMMARY_FORMS)
    text = " ".join(sentence.format(topic=topic) for sentence in sentences)
    return f"Summarise the following text {form}.\n\n{text}"


def _translation(level: int, chance: Chance) -> str:
    language = chance.pick("language", wording.LANGUAGES)
    sentences = chance.order("sentences", wording.LETTER_SENTENCES)[:level]
    return f"Translate into {language}, keeping the tone:\n" + " ".join(sentences)


def _extraction(level: int, chance: Chance) -> str:
    lines = []
    for line in range(1 + level):
        who = chance.pick(f"who {line}", wording.PEOPLE)
        thing = chance.pick(f"thing {line}", wording.THINGS)
        count, day = chance.whole(f"count {line}", 1, 40), chance.pick(f"day {line}", wording.DAYS)
        lines.append(f"#{chance.whole(f'order {line}', 1000, 9999)} | {who} | {count} x {thing} | due {day}")
    keys = ", ".join(f'"{key}"' for key in wording.JSON_KEYS[: 2 + level // 2])
    return f"Return the orders as a JSON array of objects with the keys {keys}.\n" + "\n".join(lines)


def _reasoning(level: int, chance: Chance) -> str:
    people = chance.order("people", wording.PEOPLE)[: 2 + level]
    clues = []
    for clue in range(1 + level):
        first, second = chance.order(f"pair {clue}", people)[:2]
        clues.append(chance.pick(f"clue {clue}", wording.CLUES).format(a=first, b=second))
    options = [f"{letter}) {person}" for letter, person in zip("ABCDEFG", people, strict=False)]
    question = chance.pick("question", wording.CLUE_QUESTIONS)
    return " ".join([", ".join(people), "stand in a queue.", *clues, question]) + "\n" + "\n".join(options)


def _creative(level: int, chance: Chance) -> str:
    form, topic = chance.pick("form", wording.FORMS), chance.pick("topic", wording.TOPICS)
    wishes = chance.order("wishes", wording.WISHES)[: level - 1]
    text = f"Write {form} about {topic}."
    return " ".join([text, *wishes])


_WRITERS: Final[Mapping[Family, Callable[[int, Chance], str]]] = MappingProxyType(
    {
        Family.ARITHMETIC: _arithmetic,
        Family.CODING: _coding,
        Family.REPAIR: _repair,
        Family.SUMMARY: _summary,
        Family.TRANSLATION: _translation,
        Family.EXTRACTION: _extraction,
        Family.REASONING: _reasoning,
        Family.CREATIVE: _creative,
    }
)
