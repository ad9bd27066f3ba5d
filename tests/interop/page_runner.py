"""Runs the commands that a page shows, as they stand there, against a real server in a scratch folder.

The tests of the documentation enter here, and `write_transcripts`, which prints new output into the pages. One shell
runs a whole page, so variables and files last from block to block. Only ports, the key and placeholders in capitals are
put in the place of what is shown, and nothing outside the scratch folder is written.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.contract.marked_pages import ROOT, Block, Page
from tools import peers

SECONDS_FOR_A_PAGE = 100.0
ATP = Path(sys.executable).with_name("atp")
_READY = re.compile(r"ready on (\S+:\d+)(?:, ops http://(\S+:\d+))?")
_KEY = re.compile(r"atp_dev_\w{20,}")

# `atp serve` in a page: started as shown but on free ports, and told to stop once it is ready. Everything else is atp.
_SERVE_OR_ATP = """#!/bin/bash
[ "$1" = serve ] || exec {atp} "$@"
exec {python} - "$@" <<'SCRIPT'
import signal, subprocess, sys
command = ["{atp}", *sys.argv[1:], "--port=0", "--ops-port=0", "--set=server.drain_delay_seconds=0"]
with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as serving:
    for line in serving.stdout:
        print(line, end="", flush=True)
        if "ready on" in line:
            serving.send_signal(signal.SIGTERM)
sys.exit(serving.returncode)
SCRIPT
"""


@dataclass(frozen=True)
class Step:
    """A command of a transcript with the output that the page shows, or a whole block of commands without."""

    block: Block
    commands: str
    shown: str | None


@dataclass(frozen=True)
class Ran:
    """What came of a page: the output of each step that was begun, and the exit status of the shell."""

    steps: tuple[tuple[Step, str], ...]
    status: int


@dataclass(frozen=True)
class Ground:
    """A server and a folder for one page."""

    folder: Path
    replacements: Mapping[str, str]

    def put_in_place(self, text: str) -> str:
        """The text with this ground's ports, key and placeholders."""
        for pattern, value in self.replacements.items():
            text = re.sub(pattern, lambda _, value=value: value, text)  # type: ignore[misc]
        return text


def steps_of(page: Page) -> list[Step]:
    """What is run of a page, in order; blocks that carry a reason not to be run are left out."""
    steps = []
    for block in page.fences():
        if block.not_run or not block.shows_commands:
            continue
        if block.language == "sh":
            steps.append(Step(block, block.body, None))
        else:
            is_transcript = block.language == "console"
            steps += [Step(block, command, shown if is_transcript else None) for command, shown in block.prompted()]
    return steps


def run(page: Page, scratch: Path) -> Ran:
    """Runs a page in an empty folder."""
    steps = steps_of(page)
    with ground(scratch) as stage:
        (scratch / "page.sh").write_text(_script(steps, stage))
        try:
            ended = subprocess.run(
                ["bash", str(scratch / "page.sh")],
                cwd=stage.folder,
                env=_environment(scratch, stage),
                stdin=subprocess.DEVNULL,
                timeout=SECONDS_FOR_A_PAGE,
                check=False,
            )
            status = ended.returncode
        except subprocess.TimeoutExpired:
            status = 124
    outputs = [scratch / f"output.{number}" for number in range(len(steps))]
    begun = [(step, path.read_text()) for step, path in zip(steps, outputs, strict=True) if path.is_file()]
    return Ran(tuple(begun), status)


@contextmanager
def ground(scratch: Path) -> Iterator[Ground]:
    """Starts a server with a decision in it, and lays down the files that pages speak of."""
    folder = scratch / "folder"
    (scratch / "bin").mkdir(parents=True)
    folder.mkdir()
    wrapper = scratch / "bin" / "atp"
    wrapper.write_text(_SERVE_OR_ATP.format(atp=ATP, python=sys.executable))
    wrapper.chmod(0o755)
    (folder / "protos").symlink_to(ROOT / "protos")
    (folder / "models.toml").write_bytes((ROOT / "atp_grpc/catalog/demonstration.toml").read_bytes())
    (folder / "atp.toml").write_text("[policy]\ncost_weight = 0.1\n")
    command = [str(ATP), "serve", "--port=0", "--ops-port=0", f"--data-dir={scratch / 'server'}"]
    with (
        (scratch / "server.log").open("w") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=_clean(), cwd=scratch) as server,
    ):
        try:
            if (said := _ready(server)) is None:
                raise AssertionError(f"the server ended before it was ready: {Path(log.name).read_text()[-2_000:]}")
            yield Ground(folder, _replacements(*said))
        finally:
            server.kill()


def _ready(server: subprocess.Popen[str]) -> tuple[str, str, str] | None:
    """The key, the target and the ops address that a server prints; None when it ended without."""
    key = ""
    assert server.stdout is not None
    for line in server.stdout:
        key = next(iter(_KEY.findall(line)), key)
        if ready := _READY.search(line):
            return key, ready[1], ready[2]
    return None


def _replacements(key: str, target: str, ops: str) -> dict[str, str]:
    environment = {**_clean(), "ATP_TARGET": target, "ATP_KEY": key}
    decided = subprocess.run(
        [str(ATP), "route", "hello", "--json"], env=environment, capture_output=True, text=True, check=True
    )
    decision = json.loads(decided.stdout)
    return {
        r"(?:127\.0\.0\.1|localhost):7443": target,
        r"(?:127\.0\.0\.1|localhost):7444": ops,
        r"atp_dev_\.\.\.": key,
        r"(?<![\w$])TOKEN(?![\w=])": decision["feedback_token"],
        r"(?<![\w$])MODEL(?![\w=])": decision["target"]["model"],
        r"(?:(?<=decision show )|(?<=decision explain ))ID(?![\w=])": decision["decision_id"],
    }


def _environment(scratch: Path, stage: Ground) -> dict[str, str]:
    folders = [str(scratch / "bin"), str(peers.TOOLS), str(ATP.parent), os.environ["PATH"]]
    target = stage.put_in_place("127.0.0.1:7443")
    key = stage.put_in_place("atp_dev_...")
    return {**_clean(), "PATH": os.pathsep.join(folders), "ATP_TARGET": target, "ATP_KEY": key, "HOME": str(scratch)}


def _clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("ATP_")} | {"NO_COLOR": "1"}


def _script(steps: list[Step], stage: Ground) -> str:
    """Every step in the one shell. A step that shows its output may fail; another that fails ends the page."""
    lines = ["set -o pipefail"]
    for number, step in enumerate(steps):
        lines.append("set -e" if step.shown is None else "set +e")
        lines += ["{", stage.put_in_place(step.commands).rstrip("\n"), f"}} > ../output.{number} 2>&1"]
    return "\n".join([*lines, "exit 0", ""])
