"""The shipped proxy configurations are good ones to their programs, and their times fit those of the server."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from atp_grpc.config import Settings, load
from tests.faults.lifecycle.proxies import DEPLOY, need

HAPROXY, NGINX = (DEPLOY / "haproxy.cfg").read_text(), (DEPLOY / "nginx.conf").read_text()
QUIET_TIMES = {
    "haproxy.cfg": ("timeout client", "timeout server"),
    "nginx.conf": ("client_body_timeout", "send_timeout", "grpc_read_timeout", "grpc_send_timeout"),
}


@pytest.fixture
def settings() -> Settings:
    """What a production server has where nothing else is set."""
    return load(None, {"ATP_PROFILE": "prod"}, {})


def seconds(text: str, name: str) -> float:
    """The time behind a directive."""
    found = re.search(rf"\b{name} ([\d.]+)(ms|s|m)\b", text)
    assert found, name
    return float(found.group(1)) * {"ms": 0.001, "s": 1.0, "m": 60.0}[found.group(2)]


def test_haproxy_takes_the_shipped_configuration() -> None:
    command = [str(need("haproxy")), "-c", "-f", str(DEPLOY / "haproxy.cfg")]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "WARNING" not in checked.stderr


def test_nginx_takes_the_shipped_configuration(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    config = tmp_path / "nginx.conf"
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f" {kind}_temp_path {tmp_path}/var/{kind};" for kind in kinds)
    config.write_text(NGINX.replace("http {", f"http {{{temporary}"))
    command = [str(need("nginx")), "-t", "-c", str(config), "-g", f"pid {tmp_path}/nginx.pid;"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "[warn]" not in checked.stderr


@pytest.mark.parametrize(("shipped", "name"), [(file, name) for file, names in QUIET_TIMES.items() for name in names])
def test_no_proxy_cuts_what_the_server_would_end_in_good_order(shipped: str, name: str, settings: Settings) -> None:
    longest = max(settings.server.max_deadline_seconds, settings.server.max_stream_seconds)
    assert seconds((DEPLOY / shipped).read_text(), name) > longest


def test_haproxy_sees_a_drain_before_it_is_over(settings: Settings) -> None:
    assert re.search(r"\bfall 2\b", HAPROXY)
    until_seen = seconds(HAPROXY, "inter") + seconds(HAPROXY, "fastinter")
    assert until_seen < settings.server.drain_delay_seconds / 2


def test_old_workers_of_nginx_live_until_their_last_stream_has_ended(settings: Settings) -> None:
    callers_side = NGINX.partition("    server {")[2]
    longest = seconds(callers_side, "keepalive_time") + settings.server.max_stream_seconds
    assert seconds(NGINX, "worker_shutdown_timeout") > longest


def test_both_carry_as_much_as_the_server_takes(settings: Settings) -> None:
    streams, metadata = settings.server.max_concurrent_streams, settings.server.max_metadata_bytes
    assert f"tune.h2.max-concurrent-streams {streams}" in HAPROXY
    assert f"http2_max_concurrent_streams {streams};" in NGINX
    (buffer,) = re.findall(r"tune\.bufsize (\d+)", HAPROXY)
    assert int(buffer) >= 2 * metadata
    (kibibytes,) = re.findall(r"large_client_header_buffers 4 (\d+)k;", NGINX)
    assert int(kibibytes) * 1024 >= 2 * metadata
    assert "client_max_body_size 0;" in NGINX
