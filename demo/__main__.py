"""`python -m demo`: a real server learns which model to ask, dies without forgetting, then asks them and pays exactly.

People, `make demo` and a test enter here. It writes below one folder (build/demo unless told otherwise) and leaves no
process behind; any failure is one sentence and exit code 1.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from atp_grpc.client import AtpCallError
from atp_grpc.mock_provider import MockProvider, open_mock_provider
from demo.acts import first_act, second_act, state_savings
from demo.asks import third_act
from demo.curve import draw_curve
from demo.dataset import Dataset, choose_dataset
from demo.failure import DemoFailure
from demo.provider import Endpoints
from demo.result import Result, write_report
from demo.screen import Screen
from demo.server import DemoServer
from demo.traffic import Tally

CHECKOUT = Path(__file__).resolve().parents[1]
PLAIN_COLUMNS = 110


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Runs the demo and returns its exit code."""
    options = _options(arguments)
    # Into a file or a pipe there is no width to fit; rich would assume 80 columns and break the table's names.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PLAIN_COLUMNS)
    try:
        asyncio.run(_play(Screen(console), options, environ))
    except DemoFailure as failure:
        return _give_up(str(failure))
    except AtpCallError as error:
        return _give_up(f"a call failed: {error}")
    except OSError as error:
        return _give_up(f"{error.filename}: {error.strerror}")
    except KeyboardInterrupt:
        return 130
    return 0


def _give_up(sentence: str) -> int:
    Console(stderr=True, highlight=False).print(f"demo: {sentence}", style="bold red", markup=False, soft_wrap=True)
    return 1


async def _play(screen: Screen, options: argparse.Namespace, environ: Mapping[str, str]) -> None:
    began = time.monotonic()
    dataset = choose_dataset(
        named=environ.get("ATP_DATA") or None,
        checkout=CHECKOUT,
        required=environ.get("ATP_REQUIRE_DATA") == "1",
        simulated=options.simulated,
        prompts=options.prompts,
    )
    folder: Path = options.output.resolve()
    _clear(folder)
    endpoints = Endpoints(dataset.catalogue)
    async with open_mock_provider(keys=endpoints.providers) as stand_in:
        catalogue = folder / "catalog.toml"
        catalogue.write_text(endpoints.catalogue(stand_in.base_url), encoding="utf-8")
        settings = endpoints.settings(stand_in.address)
        server = DemoServer(checkout=CHECKOUT, folder=folder, catalogue=catalogue, environ=environ, settings=settings)
        screen.act("ATP: one question, answered for every request: which model should serve it?")
        screen.fact("Data", dataset.description, "yellow" if dataset.is_simulated else "")
        result = await _perform(screen, server, dataset, stand_in, endpoints, options.in_flight)
    write_report(result, folder / "report.json")
    screen.good(f"stopped cleanly on SIGTERM; {time.monotonic() - began:.0f} s in all")
    screen.fact("Written", f"{_shown(folder)}/report.json, {_shown(folder)}/learning-curve.png")


async def _perform(
    screen: Screen,
    server: DemoServer,
    dataset: Dataset,
    stand_in: MockProvider,
    endpoints: Endpoints,
    in_flight: int,
) -> Result:
    """All acts, from the server's first start to its end."""
    tally = Tally()
    try:
        with screen.waiting("starting the server"):
            await server.start()
        result = await first_act(screen, server, dataset, tally, in_flight=in_flight)
        screen.results(result)
        await state_savings(screen, server, result)
        draw_curve(result, server.folder / "learning-curve.png")
        await second_act(screen, server, dataset, tally)
        await third_act(screen, server, stand_in, catalogue=dataset.catalogue, providers=endpoints.providers)
        code = await server.stop()
        if code != 0:
            raise DemoFailure(f"the server ended with {code} when asked to stop; see {server.folder / 'server.log'}")
    finally:
        server.kill()
    return result


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--prompts", type=_positive, help="use only the first so many prompts")
    parser.add_argument(
        "--in-flight", type=_positive, default=4, help="requests under way in the first act (default 4)"
    )
    parser.add_argument("--simulated", action="store_true", help="run on the simulated world even where there is data")
    parser.add_argument(
        "--output", type=Path, default=CHECKOUT / "build" / "demo", help="where to write (default build/demo)"
    )
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def _clear(folder: Path) -> None:
    """Makes the folder, without what an earlier run left in it."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder / "atp-data", ignore_errors=True)
    for name in ("catalog.toml", "report.json", "learning-curve.png", "server.log"):
        (folder / name).unlink(missing_ok=True)


def _shown(folder: Path) -> str:
    return str(folder.relative_to(CHECKOUT) if folder.is_relative_to(CHECKOUT) else folder)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
