"""What the Ask benches run: an upstream that answers at once, ATP in front of it, and the gateways of others."""

from __future__ import annotations

import contextlib
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench import http_load
from tests.bench.processes import LOAD_CORE, free_port, server
from tests.bench.server import atp_server

ANSWERING_MODEL = "instant"
_BUILD = Path(__file__).parents[2] / "build" / "gateways"
_LITELLM = _BUILD / "litellm" / "bin" / "litellm"
_PORTKEY = _BUILD / "portkey" / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
_KEY = "sk-upstream"
_START_SECONDS = 120.0
_CATALOGUE = """\
[[provider]]
name = "upstream"
dialect = "openai"
base_url = "http://127.0.0.1:{port}/v1"
keys = ["env:UPSTREAM_KEY"]

[[model]]
name = "instant"
context_tokens = 131072
max_output_tokens = 64
capabilities = ["json", "tools"]

[[deployment]]
model = "instant"
provider = "upstream"

[[deployment.price]]
input_usd_per_million_tokens = 0.15
output_usd_per_million_tokens = 0.60
"""


_SCRIPT = """\
[[script]]
model = "*"
instant = true
tokens = 20
writes = 4
"""


@dataclass(frozen=True)
class Gateway:
    """A server that carries calls out."""

    name: str
    pid: int
    port: int
    credential: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where chat completions are posted."""
        return f"http://127.0.0.1:{self.port}/v1/chat/completions"


@contextlib.contextmanager
def instant_upstream(home: Path) -> Iterator[int]:
    """The stand-in provider, answering at once; gives its port."""
    port, script = free_port(), home / "instant.toml"
    script.write_text(_SCRIPT)
    command = [sys.executable, "-m", "atp_grpc", "mock-provider", f"--port={port}", f"--script={script}"]
    with server(command, port, environment={}, log=home / "upstream.log") as pid:
        os.sched_setaffinity(pid, {int(LOAD_CORE)})
        yield port


@contextlib.contextmanager
def ask_server(home: Path, upstream: int, *options: str) -> Iterator[Gateway]:
    """ATP with one model, which the upstream serves."""
    folder = home / "atp"
    folder.mkdir()
    catalogue = folder / "catalogue.toml"
    catalogue.write_text(_CATALOGUE.format(port=upstream))
    os.environ["UPSTREAM_KEY"] = _KEY
    settings = (f"--set=catalog.path={catalogue}", f'--set=ask.private_targets=["127.0.0.1:{upstream}"]', *options)
    with atp_server(folder, *settings) as atp:
        yield Gateway("atp", atp.pid, atp.port, atp.credential)


@contextlib.contextmanager
def gateways(home: Path, upstream: int) -> Iterator[list[Gateway]]:
    """Those of the others that are installed, each pinned to the core of the servers."""
    with contextlib.ExitStack() as stack:
        running = []
        if _PORTKEY.exists():
            port = free_port()
            command = ["node", str(_PORTKEY), f"--port={port}", "--headless"]
            pid = stack.enter_context(server(command, port, environment={}, log=home / "portkey.log"))
            headers = {
                "x-portkey-provider": "openai",
                "x-portkey-custom-host": f"http://127.0.0.1:{upstream}/v1",
                "authorization": f"Bearer {_KEY}",
            }
            running.append(Gateway("portkey", pid, port, headers=headers))
        if _LITELLM.exists():
            running.append(stack.enter_context(_litellm(home, upstream)))
        for gateway in running:
            _wait_until_answering(gateway)
        yield running


@contextlib.contextmanager
def _litellm(home: Path, upstream: int) -> Iterator[Gateway]:
    port, config = free_port(), home / "litellm.yaml"
    config.write_text(
        "model_list:\n"
        f"  - model_name: {ANSWERING_MODEL}\n"
        f'    litellm_params: {{model: openai/{ANSWERING_MODEL}, api_base: "http://127.0.0.1:{upstream}/v1", '
        f"api_key: {_KEY}}}\n"
        "litellm_settings: {telemetry: false, drop_params: true}\n"
        "general_settings: {master_key: sk-master}\n"
    )
    command = [str(_LITELLM), "--config", str(config), "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
    environment = {"LITELLM_TELEMETRY": "False", "LITELLM_LOG": "ERROR", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    with server(command, port, environment=environment, log=home / "litellm.log", start_seconds=_START_SECONDS) as pid:
        yield Gateway("litellm", pid, port, headers={"authorization": "Bearer sk-master"})


def _wait_until_answering(gateway: Gateway) -> None:
    """A port that is open is not yet a gateway that answers."""
    request = urllib.request.Request(
        gateway.url,
        http_load.chat_completion("x", is_streamed=False),
        {"content-type": "application/json", **gateway.headers},
    )
    end, said = time.monotonic() + _START_SECONDS, ""
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                answer.read()
                return
        except OSError as fault:
            said = str(fault)
            time.sleep(0.2)
    raise RuntimeError(f"{gateway.name} does not answer: {said}")
