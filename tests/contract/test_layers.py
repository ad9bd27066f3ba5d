"""The layer map holds, and each of its contracts notices the import it was written against."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINT_IMPORTS = str(Path(sys.executable).with_name("lint-imports"))

# Where an import is planted, the import, and the contract that must call it out.
PLANTED = [
    ("domain/planted.py", "import atp_grpc.services", "Imports go down only"),
    ("planted/__init__.py", "import atp_grpc.domain", "Imports go down only"),
    ("routing/planted.py", "import grpc", "grpc stays at the door"),
    ("services/planted.py", "import grpc.aio", "grpc stays at the door"),
    ("learning/planted.py", "from google.protobuf import message", "google stays above the stories"),
    ("app.py", "from atp_grpc.pb.atp.v1 import routing_pb2", "Generated code is fenced"),
    ("routing/planted.py", "import atp_grpc.engine.reference", "Rooms know contracts, not furniture"),
    ("learning/planted.py", "import atp_grpc.store.sqlite", "Rooms know contracts, not furniture"),
    ("asking/planted.py", "import atp_grpc.providers.openai.provider", "Rooms know contracts, not furniture"),
    ("engine/planted.py", "import atp_native", "One way into Rust"),
    ("transport/planted.py", "import atp_grpc.config", "Settings stop at app"),
]


def broken_contracts(checkout: Path) -> str:
    """The report of import-linter about the `atp_grpc` in a folder; empty when every contract is kept."""
    command = [LINT_IMPORTS, "--no-cache", "--config", str(ROOT / "pyproject.toml")]
    judged = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    return judged.stdout + judged.stderr if judged.returncode else ""


def test_imports_go_down_only() -> None:
    assert broken_contracts(ROOT) == ""


@pytest.mark.parametrize(("where", "statement", "contract"), PLANTED)
def test_a_planted_import_breaks_its_contract(tmp_path: Path, where: str, statement: str, contract: str) -> None:
    shutil.copytree(ROOT / "atp_grpc", tmp_path / "atp_grpc", ignore=shutil.ignore_patterns("__pycache__"))
    planted = tmp_path / "atp_grpc" / where
    planted.parent.mkdir(exist_ok=True)
    planted.write_text((planted.read_text() if planted.exists() else "") + f"\n{statement}\n")

    report = broken_contracts(tmp_path)

    assert any(line.startswith(contract) and "BROKEN" in line for line in report.splitlines()), report
