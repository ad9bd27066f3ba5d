"""Prints into the pages what their transcripts print today: `python -m tests.interop.write_transcripts docs/tools.md`.

A transcript that still agrees is left as it is, so what changes in a page is what callers see. Review it as such.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.contract.marked_pages import PROMPT, Block, Page
from tests.interop.page_runner import run
from tests.interop.transcripts import agrees


def rewrite(page: Page) -> int:
    """Writes the page anew where it has to be; gives how many outputs changed."""
    with tempfile.TemporaryDirectory() as scratch:
        ran = run(page, Path(scratch) / "page")
    bodies: dict[Block, list[str]] = {}
    changed = 0
    for step, printed in ran.steps:
        if step.shown is None:
            continue
        differs = not agrees(step.shown, printed)
        shown = printed if differs else step.shown
        text = f"{PROMPT}{step.commands}\n{shown}".rstrip("\n")
        bodies.setdefault(step.block, []).extend(line.rstrip() for line in text.splitlines())
        changed += differs
    lines = page.text.split("\n")
    # From the last block to the first, so that the places of those before stay what they were.
    for block, body in reversed(bodies.items()):
        lines[block.line : block.line + block.body.count("\n")] = body
    page.path.write_text("\n".join(lines), encoding="utf-8")
    return changed


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(f"{name}: {rewrite(Page(Path(name).resolve()))} outputs changed")
