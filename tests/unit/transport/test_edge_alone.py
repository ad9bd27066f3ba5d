"""The wrapper without any transport: it knows no server library, and every call is counted in and out."""

import subprocess
import sys

from atp_grpc.transport.traffic import Traffic

MODULES = ("edge", "method", "table", "arrival", "alarm", "traffic", "refusal")


def test_the_door_itself_loads_without_any_server_library() -> None:
    script = (
        f"import sys, {', '.join(f'atp_grpc.transport.{module}' for module in MODULES)}\n"
        "print(sorted(name for name in sys.modules if name.split('.')[0] in {'grpc', 'aiohttp', 'uvloop'}))"
    )

    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert loaded.stdout.strip() == "[]"


async def test_traffic_is_quiet_only_when_nobody_is_inside_and_nobody_comes() -> None:
    traffic = Traffic()
    assert await traffic.wait_until_quiet(0.0, 0.0)

    traffic.enter("a/A")
    assert not await traffic.wait_until_quiet(0.0, 0.02)

    traffic.leave("a/A")
    assert await traffic.wait_until_quiet(0.02, 1.0)
    assert (traffic.open_calls, traffic.arrivals) == (0, 1)
