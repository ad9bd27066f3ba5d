"""The Go client: its stubs are what the protos give, its own tests pass, and its example talks to a real server."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from atp_grpc.client.messages import GetServerInfoRequest
from tests.interop.built import need
from tests.rpc.asking.test_ask_wire import CUT, asking
from tests.rpc.door.probe import open_door
from tests.rpc.serving import ACME, serving
from tests.unit.services.ask_stories import DECIDED, text
from tools import clients, peers

GO = clients.GO


async def run_example(target: str, key: str, *arguments: str, program: str = "go-example") -> tuple[int, str, str]:
    """Runs an example as a user would; gives its exit status and what it said."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *need(program), *arguments, env={"ATP_TARGET": target, "ATP_KEY": key}, stdout=pipe, stderr=pipe
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_the_example_decides_reports_and_the_server_learns(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        status, out, err = await run_example(server.target, server.credentials[ACME], "Prove that there are primes.")
        info = await server.acme.get_server_info(GetServerInfoRequest())

    assert (status, err) == (0, "")
    assert re.fullmatch(r"[\w-]+ at \w+, drawn with probability [01]\.\d{3}\nrecorded: quality, attempts\n", out)
    assert info.last_sequence == 1


async def test_the_ask_example_shows_an_answer_as_it_comes_and_its_bill(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        status, out, err = await run_example(server.target, server.credentials[ACME], "Name a prime.", program="go-ask")

    assert (status, err) == (0, "")
    assert out.startswith("This is a dry run")
    assert re.fullmatch(r"[\w-]+, \d+ nano-US-dollars, 1 attempts", out.splitlines()[-1])


async def test_the_ask_example_never_takes_a_cut_answer_for_a_whole_one() -> None:
    async with asking(DECIDED, text("Hel", 3), CUT) as it:
        status, out, err = await run_example(f"127.0.0.1:{it.door.port}", "atp_acme", program="go-ask")

    assert (status, out) == (1, "Hel")
    assert err.startswith("ANSWER_CUT: ")
    assert "billed all the same: 70 nano-US-dollars" in err


async def test_the_example_tells_a_refusal_by_its_reason(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        status, out, err = await run_example(server.target, "atp_test_nobody_nothing")

    assert (status, out) == (1, "")
    assert err.startswith("CREDENTIAL_REFUSED: ")


async def test_the_example_tries_a_server_on_its_way_out_again_and_says_when_to_come_back() -> None:
    async with open_door() as door:
        door.traffic.is_refusing = True

        status, _, err = await run_example(f"127.0.0.1:{door.port}", "atp_acme")

        assert status == 1
        assert err.startswith("DRAINING: ")
        assert "worth another try in 50ms" in err
        assert len(door.lines()) == 4


def test_the_stubs_are_what_the_protos_give_and_the_service_config_is_the_shipped_one(tmp_path: Path) -> None:
    need(*peers.GENERATORS.programs)
    clients.make(tmp_path)

    assert clients.stale(tmp_path) == [], "run `make clients`"


def test_an_edited_a_missing_and_a_leftover_stub_are_each_noticed(tmp_path: Path) -> None:
    client = tmp_path / "go"
    shutil.copytree(GO, client, ignore=shutil.ignore_patterns("tools"))
    edited = client / "client/service_config.json"
    edited.write_text(edited.read_text().replace("UNAVAILABLE", "INTERNAL"))
    (client / "atp/v1/permission.pb.go").unlink()
    (client / "atp/v1/gone.pb.go").touch()

    assert clients.stale(GO, client) == [
        "atp/v1/gone.pb.go",
        "atp/v1/permission.pb.go",
        "client/service_config.json",
    ]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("folder", ["clients/go", "tests/interop/go"])
def test_what_is_written_in_go_is_formatted_vetted_and_tested(folder: str) -> None:
    need("go-example")
    go = shutil.which("go")
    if go is None:
        pytest.skip("the programs are built, and there is no Go any more to judge their sources")
    written = [str(path) for path in (clients.ROOT / folder).rglob("*.go") if not path.name.endswith(".pb.go")]
    environment = {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"}

    for command in ([str(Path(go).with_name("gofmt")), "-l", *written], [go, "vet", "./..."], [go, "test", "./..."]):
        judged = subprocess.run(
            command, cwd=clients.ROOT / folder, env=environment, capture_output=True, text=True, check=False
        )
        said = judged.stdout + judged.stderr
        # A formatter that has something to say lists files and ends with zero.
        assert (judged.returncode, "" if command[1] == "test" else said) == (0, ""), f"{command[:2]}: {said}"
