"""A desk with a good catalogue on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.catalog.desk import FIRST, Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    path = tmp_path / "catalog.toml"
    path.write_bytes(FIRST)
    return Desk(path)
