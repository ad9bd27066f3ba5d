"""Load on one HTTP/1.1 address: a fixed number of equal POSTs, so many in flight, from the other core."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Mapping

from tests.bench.load import LoadError
from tests.bench.processes import LOAD_CORE


def chat_completion(prompt: str, *, is_streamed: bool) -> bytes:
    """A chat completion request as OpenAI publishes it."""
    asked: dict[str, object] = {"model": "instant", "messages": [{"role": "user", "content": prompt}], "max_tokens": 64}
    if is_streamed:
        asked |= {"stream": True, "stream_options": {"include_usage": True}}
    return json.dumps(asked).encode()


def drive(url: str, body: bytes, *, calls: int, headers: Mapping[str, str], in_flight: int) -> None:
    """Makes `calls` calls and returns when all are answered.

    Raises:
        LoadError: some were not, or not with a 2xx.
    """
    with tempfile.NamedTemporaryFile(suffix=".json") as data:
        data.write(body)
        data.flush()
        command = ["taskset", "-c", LOAD_CORE, "h2load", "--h1", "-n", str(calls), "-c", str(in_flight), "-m", "1"]
        for name, value in {"content-type": "application/json", **headers}.items():
            command += ["-H", f"{name}: {value}"]
        finished = subprocess.run(
            [*command, "-t", "1", "-d", data.name, url], capture_output=True, text=True, check=True, timeout=300
        )
    good = re.search(r"status codes: (\d+) 2xx", finished.stdout)
    if good is None or int(good.group(1)) != calls:
        raise LoadError(finished.stdout)
