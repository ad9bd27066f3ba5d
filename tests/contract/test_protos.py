"""The contract keeps buf's rules, its releases, and names the permission each method needs."""

import importlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from google.longrunning import operations_pb2
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import MethodDescriptor

from atp_grpc.pb.atp.v1 import permission_pb2
from tools import breaking, protos

# Adapters are served by third parties, who let callers in by keys of their own and know nothing of our permissions.
OPERATION = "google.longrunning.Operation"
SERVED_BY_OTHERS = "atp.adapter.v1.AdapterService"
BUF = str(Path(sys.executable).with_name("buf"))


def buf(*arguments: str) -> str:
    """What buf complains about; empty when it is content."""
    judged = subprocess.run([BUF, *arguments], cwd=protos.ROOT, capture_output=True, text=True, check=False)
    return judged.stdout + judged.stderr if judged.returncode else ""


def methods() -> Iterator[MethodDescriptor]:
    for path in sorted((protos.STUBS / "atp").rglob("*_pb2.py")):
        module = importlib.import_module(".".join(path.relative_to(protos.ROOT).with_suffix("").parts))
        for service in module.DESCRIPTOR.services_by_name.values():
            yield from service.methods


def test_protos_pass_the_linter() -> None:
    assert buf("lint") == ""


def test_protos_are_formatted() -> None:
    assert buf("format", "--path", "protos/atp", "--diff", "--exit-code") == ""


def test_contract_breaks_no_client_of_the_last_release() -> None:
    release = breaking.last_release()

    assert release is None or breaking.breaks_since(release) == ""


def test_a_removed_enum_value_is_found_to_break_clients(tmp_path: Path) -> None:
    earlier = tmp_path / "protos"
    shutil.copytree(protos.SOURCES, earlier)
    permission = earlier / "atp/v1/permission.proto"
    zero = "PERMISSION_UNSPECIFIED = 0;"
    permission.write_text(permission.read_text().replace(zero, f"{zero}\n  // Was here.\n  PERMISSION_GONE = 77;"))

    assert 'Previously present enum value "77"' in breaking.breaks_against(earlier)


def test_today_breaks_nobody_who_uses_today() -> None:
    assert breaking.breaks_against(protos.SOURCES) == ""


def test_every_method_that_we_serve_names_the_permission_it_needs() -> None:
    required: dict[str, int] = {}
    for method in methods():
        if method.containing_service.full_name == SERVED_BY_OTHERS:
            continue
        # The generated stub types an extension as a bare FieldDescriptor.
        required[method.full_name] = method.GetOptions().Extensions[permission_pb2.required_permission]  # type: ignore[index]

    assert "atp.v1.RouteService.Route" in required
    assert [name for name, permission in required.items() if permission == permission_pb2.PERMISSION_UNSPECIFIED] == []


def test_every_method_has_a_request_and_a_response_of_its_own() -> None:
    for method in methods():
        assert method.input_type.name == f"{method.name}Request"
        if method.output_type.full_name != OPERATION:
            assert method.output_type.name == f"{method.name}Response"


def test_every_method_that_takes_long_says_what_it_ends_with_and_how_it_tells_of_itself() -> None:
    long_running = [method for method in methods() if method.output_type.full_name == OPERATION]
    assert long_running
    for method in long_running:
        # The stub types an extension as a bare FieldDescriptor here too.
        info = method.GetOptions().Extensions[operations_pb2.operation_info]
        for name, suffix in ((info.response_type, "Response"), (info.metadata_type, "Metadata")):
            assert descriptor_pool.Default().FindMessageTypeByName(name).name.endswith(suffix)
