"""Why choices cannot be graded on a table.

Callers of `score` catch what is named here. It never says anything about the outcome file itself: that was judged when
it was read.
"""

from __future__ import annotations

import enum


class MisfitKind(enum.StrEnum):
    """What is wrong with the choices."""

    NO_CHOICES = "no_choices"
    OTHER_DATASET = "other_dataset"
    UNKNOWN_PROMPT = "unknown_prompt"
    UNKNOWN_MODEL = "unknown_model"
    BAD_PROPENSITY = "bad_propensity"
    BAD_SETTING = "bad_setting"
    MISSING_PROMPT = "missing_prompt"
    REPEATED_PROMPT = "repeated_prompt"
    SEEDS_DIFFER = "seeds_differ"


class Misfit(ValueError):
    """Choices that do not fit the table: which table, and what does not fit. Nothing of them was graded."""

    def __init__(self, kind: MisfitKind, table: str, complaint: str) -> None:
        super().__init__(f"{table}: {complaint}")
        self.kind = kind
        self.table = table
        self.complaint = complaint
