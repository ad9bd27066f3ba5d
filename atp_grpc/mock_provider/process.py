"""The stand-in as a process of its own: its file of scripts, one ready line, a signal to end it.

`atp mock-provider` enters here. It keeps nothing and leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import signal
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import uvloop

from atp_grpc.mock_provider.script import Script, read_script
from atp_grpc.mock_provider.server import open_mock_provider


def read_scripts(path: Path) -> list[tuple[str, Script]]:
    """The scripts of a TOML file, each a table `[[script]]` with a `model` and the attributes of `Script`.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not TOML, or a table says something that no script has.
    """
    document = tomllib.loads(path.read_text("utf-8"))
    tables = document.pop("script", [])
    if document or not isinstance(tables, list):
        raise ValueError("a file of scripts holds tables [[script]] and nothing else")
    scripts: list[tuple[str, Script]] = []
    for number, table in enumerate(tables, start=1):
        try:
            model = table.pop("model")
            scripts.append((str(model), read_script(table)))
        except KeyError:
            raise ValueError(f"script {number} has no model") from None
        except ValueError as error:
            raise ValueError(f"script {number}: {error}") from None
    return scripts


def serve(
    *,
    host: str,
    port: int,
    keys: Sequence[str],
    models: Sequence[str],
    scripts: Sequence[tuple[str, Script]],
    out: TextIO,
) -> None:
    """Serves until SIGINT or SIGTERM; prints one ready line to `out`.

    Raises:
        OSError: it cannot listen there.
    """
    uvloop.run(_serve(host, port, keys, models, scripts, out))


async def _serve(
    host: str,
    port: int,
    keys: Sequence[str],
    models: Sequence[str],
    scripts: Sequence[tuple[str, Script]],
    out: TextIO,
) -> None:
    told_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told_to_stop.set)
    async with open_mock_provider(host=host, port=port, keys=keys, models=models) as mock:
        for model, script in scripts:
            mock.script(model, script)
        print(f"atp: stand-in provider ready on {mock.address}", file=out, flush=True)
        await told_to_stop.wait()
