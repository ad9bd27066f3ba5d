"""The stubs under atp_grpc/pb are what the protos give, and can be imported as they are."""

import importlib
import shutil
from pathlib import Path

import pytest

from tools import protos

STUB_MODULES = sorted(
    ".".join(path.relative_to(protos.ROOT).with_suffix("").parts) for path in protos.STUBS.rglob("*_pb2*.py")
)


def test_checked_in_stubs_are_what_the_protos_give() -> None:
    assert protos.stale() == []


def test_an_edited_a_missing_and_a_leftover_stub_are_each_noticed(tmp_path: Path) -> None:
    stubs = tmp_path / "pb"
    shutil.copytree(protos.STUBS, stubs, ignore=shutil.ignore_patterns("__pycache__"))
    edited = stubs / "atp/v1/permission_pb2.py"
    edited.write_text(edited.read_text() + "# a hand was here\n")
    (stubs / "atp/v1/permission_pb2.pyi").unlink()
    (stubs / "atp/v1/gone_pb2.py").touch()

    assert protos.stale(stubs) == ["atp/v1/gone_pb2.py", "atp/v1/permission_pb2.py", "atp/v1/permission_pb2.pyi"]


@pytest.mark.parametrize("name", STUB_MODULES)
def test_every_stub_imports_under_its_absolute_name(name: str) -> None:
    module = importlib.import_module(name)

    assert name.startswith("atp_grpc.pb.")
    if not name.endswith("_grpc"):
        assert "atp_grpc/pb/" + module.DESCRIPTOR.name.removesuffix(".proto") == name.replace(".", "/").removesuffix(
            "_pb2"
        )
        for message in module.DESCRIPTOR.message_types_by_name:
            assert getattr(module, message).__module__ == name


def test_only_protos_with_services_have_service_stubs() -> None:
    with_services = {
        name
        for name in STUB_MODULES
        if name.endswith("_pb2") and importlib.import_module(name).DESCRIPTOR.services_by_name
    }

    assert with_services == {name.removesuffix("_grpc") for name in STUB_MODULES if name.endswith("_grpc")}
