"""A stage on which everybody plays the same, and what its best model costs."""

from __future__ import annotations

from tests.unit.asking.scripted import Step
from tests.unit.asking.stage import DEPLOYMENTS, Stage

EXPECTED = 792_000
"""What the best model is expected to cost: 8 tokens in and 256 out, at 3,000 nano-dollars each."""
LONGEST = 408 * 3_000
"""What its longest answer costs."""
WRITTEN = 8 * 750
"""What the 8 tokens in cost more if they are written to the provider's cache."""


def staged(*steps: Step, **terms: object) -> Stage:
    stage = Stage(**terms)  # type: ignore[arg-type]
    for name in DEPLOYMENTS:
        stage.provider.script(name, *[steps] * 5)
    return stage
