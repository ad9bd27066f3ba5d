"""Asks the databases of known vulnerabilities about what we depend on: Python packages, Rust crates, Go modules.

Entered by `make audit`. Each audit says in one line what came of it. One whose data cannot be had is left out aloud,
with an exit status that is not zero: an audit that did not happen is no pass. It never changes a lock.
"""

from __future__ import annotations

import enum
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tools import peers

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "audit"
AUDIT_LOCK = ROOT / "requirements" / "audit.lock"
# Hashed files may be read without pip; the extras and markers of every platform are in them.
PYTHON_LOCKS = (ROOT / "requirements" / "dev.lock", AUDIT_LOCK)
KNOWN_TO_BE_BAD = "jinja2==2.4.1\n"
"""Several advisories name it. An index that knows none of them has no advisories to give, and says so of everything."""
CARGO_AUDIT = "0.22.2"
RUST_ADVISORIES = "https://github.com/RustSec/advisory-db"
PATIENCE_SECONDS = 600.0
_GOVULNCHECK_FOUND = 3


class Outcome(enum.IntEnum):
    """What came of an audit; the value is the exit status that it asks for."""

    CLEAN = 0
    FOUND = 1
    LEFT_OUT = 3


@dataclass(frozen=True)
class Verdict:
    """The outcome of one audit, and the sentence or the findings that go with it."""

    outcome: Outcome
    words: str


def main() -> int:
    """Run all audits; 0 when all happened and found nothing, 1 when one found something, 3 when one was left out."""
    outcomes = []
    for name, audit in (("Python", audit_python), ("Rust", audit_rust), ("Go", audit_go)):
        verdict = audit()
        outcomes.append(verdict.outcome)
        print(f"{name}: {verdict.outcome.name.lower().replace('_', ' ')}: {verdict.words}", flush=True)
    if Outcome.FOUND in outcomes:
        return Outcome.FOUND
    return max(outcomes)


def audit_python() -> Verdict:
    """pip-audit, in an environment of its own, on every pinned package."""
    python = FOLDER / "venv" / "bin" / "python"
    uv = str(Path(sys.executable).with_name("uv"))
    steps = [[uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(FOLDER / "venv")]]
    steps += [
        [uv, "pip", "sync", "--quiet", "--system-certs", "--require-hashes", "--python", str(python), str(AUDIT_LOCK)]
    ]
    for step in steps:
        if (done := _run(step)).returncode:
            return Verdict(Outcome.LEFT_OUT, f"pip-audit could not be installed: {_last_line(done)}")
    with tempfile.TemporaryDirectory() as scratch:
        canary = Path(scratch) / "canary.txt"
        canary.write_text(KNOWN_TO_BE_BAD)
        for service in ("pypi", "osv"):
            ask = [str(python.with_name("pip-audit")), "--vulnerability-service", service, "--progress-spinner", "off"]
            ask += ["--format", "json", "--disable-pip", "--requirement"]
            if read_pip_audit(_run([*ask, str(canary), "--no-deps"]).stdout).outcome is Outcome.FOUND:
                verdicts = [read_pip_audit(_run([*ask, str(lock)]).stdout) for lock in PYTHON_LOCKS]
                worst = [one for one in verdicts if one.outcome is not Outcome.CLEAN]
                return worst[0] if worst else Verdict(Outcome.CLEAN, "; ".join(one.words for one in verdicts))
    said = KNOWN_TO_BE_BAD.strip()
    return Verdict(
        Outcome.LEFT_OUT, f"neither the package index nor OSV knows that {said} is bad, so they know nothing"
    )


def read_pip_audit(report: str) -> Verdict:
    """What a JSON report of pip-audit says. A package that was skipped was not audited, whatever the exit status."""
    try:
        packages = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return Verdict(Outcome.LEFT_OUT, "pip-audit gave no report")
    found = [
        f"{package['name']} {package['version']}: {', '.join(one['id'] for one in package['vulns'])}"
        for package in packages
        if package.get("vulns")
    ]
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    if found:
        return Verdict(Outcome.FOUND, "\n  ".join(["", *found]))
    if skipped or not packages:
        return Verdict(Outcome.LEFT_OUT, f"{len(skipped)} of {len(packages)} packages could not be looked up")
    return Verdict(Outcome.CLEAN, f"{len(packages)} packages")


def audit_rust() -> Verdict:
    """cargo-audit on native/Cargo.lock, with the advisories of RustSec or a copy of them named by ATP_RUSTSEC_DB."""
    if (cargo := shutil.which("cargo")) is None:
        return Verdict(Outcome.LEFT_OUT, "cargo is not on the PATH")
    if copy := os.environ.get("ATP_RUSTSEC_DB"):
        advisories = ["--db", copy, "--no-fetch"]
    else:
        reached = _run(["git", "ls-remote", RUST_ADVISORIES, "HEAD"])
        if reached.returncode:
            return Verdict(Outcome.LEFT_OUT, f"the advisories cannot be reached ({_last_line(reached)})")
        advisories = []
    install = [
        cargo,
        "install",
        "--quiet",
        "--locked",
        "--root",
        str(FOLDER),
        "--version",
        f"={CARGO_AUDIT}",
        "cargo-audit",
    ]
    if (done := _run(install)).returncode:
        return Verdict(Outcome.LEFT_OUT, f"cargo-audit could not be built: {_last_line(done)}")
    lock = str(ROOT / "native" / "Cargo.lock")
    judged = _run([str(FOLDER / "bin" / "cargo-audit"), "audit", "--json", "--file", lock, *advisories])
    return read_cargo_audit(judged.stdout)


def read_cargo_audit(report: str) -> Verdict:
    """What a JSON report of cargo-audit says; without a single advisory in its database it says nothing."""
    try:
        parsed = json.loads(report)
        known, crates = parsed["database"]["advisory-count"], parsed["lockfile"]["dependency-count"]
        found = [f"{one['package']['name']}: {one['advisory']['id']}" for one in parsed["vulnerabilities"]["list"]]
    except (ValueError, KeyError, TypeError):
        return Verdict(Outcome.LEFT_OUT, "cargo-audit gave no report")
    if found:
        return Verdict(Outcome.FOUND, "\n  ".join(["", *found]))
    if not known:
        return Verdict(Outcome.LEFT_OUT, "the database holds no advisory")
    return Verdict(Outcome.CLEAN, f"{crates} crates, {known} advisories")


def audit_go() -> Verdict:
    """The Go client, by govulncheck."""
    try:
        peers.build([peers.AUDITOR])
    except peers.BuildError as error:
        return Verdict(Outcome.LEFT_OUT, f"{error}")
    judged = _run([str(peers.program("govulncheck")), "-C", str(ROOT / "clients" / "go"), "./..."])
    return read_govulncheck(judged.returncode, judged.stdout + judged.stderr)


def read_govulncheck(status: int, said: str) -> Verdict:
    """What the exit status of govulncheck says; one that is neither good nor a finding is no audit."""
    if status == _GOVULNCHECK_FOUND:
        return Verdict(Outcome.FOUND, said.strip())
    if status:
        return Verdict(Outcome.LEFT_OUT, said.strip().splitlines()[-1] if said.strip() else f"it ended with {status}")
    return Verdict(Outcome.CLEAN, "the Go client and all that it calls")


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    return next(reversed(done.stderr.strip().splitlines()), f"it ended with {done.returncode}")


if __name__ == "__main__":
    sys.exit(main())
