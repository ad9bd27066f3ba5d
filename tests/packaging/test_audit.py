"""An audit that did not happen is never taken for one that found nothing."""

from __future__ import annotations

import json

import pytest

from tools import audit
from tools.audit import Outcome, Verdict, read_cargo_audit, read_govulncheck, read_pip_audit

GOOD = {"name": "grpcio", "version": "1.85.1", "vulns": []}
BAD = {"name": "jinja2", "version": "2.4.1", "vulns": [{"id": "PYSEC-2019-217", "fix_versions": ["2.10.1"]}]}
UNKNOWN = {"name": "jinja2", "skip_reason": "Dependency not found on PyPI and could not be audited: jinja2 (2.4.1)"}


def pip_audit(*packages: object) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


def cargo_audit(*, advisories: int, found: tuple[str, ...] = ()) -> str:
    return json.dumps(
        {
            "database": {"advisory-count": advisories},
            "lockfile": {"dependency-count": 60},
            "vulnerabilities": {"list": [{"package": {"name": "time"}, "advisory": {"id": name}} for name in found]},
        }
    )


@pytest.mark.parametrize(
    ("verdict", "outcome"),
    [
        (read_pip_audit(pip_audit(GOOD)), Outcome.CLEAN),
        (read_pip_audit(pip_audit(GOOD, BAD)), Outcome.FOUND),
        (read_pip_audit(pip_audit(BAD, UNKNOWN)), Outcome.FOUND),
        # pip-audit itself calls this "No known vulnerabilities found", and ends with 0.
        (read_pip_audit(pip_audit(UNKNOWN)), Outcome.LEFT_OUT),
        (read_pip_audit(pip_audit(GOOD, UNKNOWN)), Outcome.LEFT_OUT),
        (read_pip_audit(pip_audit()), Outcome.LEFT_OUT),
        (read_pip_audit(""), Outcome.LEFT_OUT),
        (read_pip_audit("[]"), Outcome.LEFT_OUT),
        (read_cargo_audit(cargo_audit(advisories=800)), Outcome.CLEAN),
        (read_cargo_audit(cargo_audit(advisories=800, found=("RUSTSEC-2020-0071",))), Outcome.FOUND),
        (read_cargo_audit(cargo_audit(advisories=0)), Outcome.LEFT_OUT),
        (read_cargo_audit("error: couldn't fetch advisory database"), Outcome.LEFT_OUT),
        (read_govulncheck(0, "No vulnerabilities found."), Outcome.CLEAN),
        (read_govulncheck(3, "Vulnerability #1: GO-2023-2153"), Outcome.FOUND),
        (read_govulncheck(1, "govulncheck: fetching vulnerabilities: no such host"), Outcome.LEFT_OUT),
    ],
)
def test_a_report_is_read_for_what_was_looked_up_and_what_was_found(verdict: Verdict, outcome: Outcome) -> None:
    assert verdict.outcome is outcome
    assert verdict.words


def test_a_finding_names_the_package_and_the_advisory() -> None:
    assert "jinja2 2.4.1: PYSEC-2019-217" in read_pip_audit(pip_audit(BAD)).words
    assert "time: RUSTSEC-2020-0071" in read_cargo_audit(cargo_audit(advisories=1, found=("RUSTSEC-2020-0071",))).words


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        ((Outcome.CLEAN, Outcome.CLEAN, Outcome.CLEAN), 0),
        ((Outcome.CLEAN, Outcome.LEFT_OUT, Outcome.CLEAN), 3),
        ((Outcome.FOUND, Outcome.LEFT_OUT, Outcome.CLEAN), 1),
    ],
)
def test_the_audit_ends_well_only_when_every_part_happened_and_found_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], outcomes: tuple[Outcome, ...], status: int
) -> None:
    for name, outcome in zip(("audit_python", "audit_rust", "audit_go"), outcomes, strict=True):
        monkeypatch.setattr(audit, name, lambda outcome=outcome: Verdict(outcome, "words"))

    assert audit.main() == status
    assert capsys.readouterr().out.count("\n") == 3


def test_without_cargo_and_without_go_both_audits_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    assert audit.audit_rust().outcome is Outcome.LEFT_OUT
    assert audit.audit_go() == Verdict(
        Outcome.LEFT_OUT, "go is not on the PATH; install Go 1.26 or newer and run `make tools`"
    )
