"""How the rooms of atp_grpc are kept: small modules, no empty rooms, and one door to the environment."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "atp_grpc"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "pb" not in path.relative_to(PACKAGE).parts)
OTHER_CODE = sorted(path for folder in ("demo", "tests", "tools") for path in (ROOT / folder).rglob("*.py"))
LONGEST = 300

READERS_OF_THE_ENVIRONMENT = ("config", "secrets/environment")


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def environment_reads(source: str) -> Iterator[int]:
    """Line numbers where a module touches the environment variables of its process."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(value=ast.Name(id="os"), attr="environ" | "environb" | "getenv" | "getenvb" | "putenv"):
                yield node.lineno
            case ast.ImportFrom(module="os", names=names) if any("env" in alias.name for alias in names):
                yield node.lineno
            case _:
                pass


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos.environ['ATP_PORT']",
        "import os\nos.getenv('ATP_PORT')",
        "from os import environ\nenviron.get('ATP_PORT')",
        "from os import getenv as read\nread('ATP_PORT')",
    ],
)
def test_each_way_to_read_the_environment_is_noticed(source: str) -> None:
    assert list(environment_reads(source))


def test_only_config_and_the_environment_secrets_read_the_environment() -> None:
    readers = [
        f"{name(path)}:{line}"
        for path in MODULES
        if not path.relative_to(PACKAGE).with_suffix("").as_posix().startswith(READERS_OF_THE_ENVIRONMENT)
        for line in environment_reads(path.read_text())
    ]

    assert readers == []


def test_no_module_is_longer_than_three_hundred_lines() -> None:
    lengths = {name(path): len(path.read_text().splitlines()) for path in MODULES + OTHER_CODE}

    assert "atp_grpc/__init__.py" in lengths
    assert {path: length for path, length in lengths.items() if length > LONGEST} == {}


def test_no_room_is_only_an_init() -> None:
    packages = {path.parent for path in MODULES if path.name == "__init__.py"}
    furnished = {path.parent for path in MODULES if path.name != "__init__.py"}
    holds_a_furnished_room = {folder for folder in packages if any(folder in room.parents for room in furnished)}

    assert PACKAGE in packages
    assert [name(folder) for folder in packages - furnished - holds_a_furnished_room] == []


def test_every_folder_of_modules_is_a_package() -> None:
    assert [name(path) for path in MODULES if not (path.parent / "__init__.py").is_file()] == []
