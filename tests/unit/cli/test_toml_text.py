"""What is written as TOML reads back as the same tables."""

import tomllib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from atp_grpc.cli.toml_text import toml_text
from atp_grpc.config import Settings, dump, load

KEYS = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=8)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SCALARS = TEXT | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
TABLES = st.dictionaries(KEYS, SCALARS | st.lists(TEXT, max_size=3), max_size=4)
SECTIONS = TABLES | st.lists(TABLES, min_size=1, max_size=3)


@given(st.dictionaries(KEYS, SCALARS | SECTIONS, max_size=5))
def test_tables_read_back_as_they_were(tables: dict[str, object]) -> None:
    assert tomllib.loads(toml_text(tables)) == tables


def test_a_dump_is_a_configuration_file(tmp_path: Path) -> None:
    settings = load(None, {}, {"server.port": "0", "policy.learner": "greedy"})
    file = tmp_path / "atp.toml"
    file.write_text(toml_text(dump(settings)))

    assert load(file, {}, {}) == settings
    assert settings != Settings()
