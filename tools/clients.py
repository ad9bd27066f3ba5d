"""Makes the stubs of other languages from protos/, and gives each client the service config that the server ships.

Entered by `make clients` and by the tests, which compare. The plugins are the pinned ones of each language; it never
edits a proto, and `make protos` does not need it.
"""

from __future__ import annotations

import filecmp
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools import peers

ROOT = Path(__file__).resolve().parent.parent
GO = ROOT / "clients" / "go"
SERVICE_CONFIG = ROOT / "atp_grpc" / "client" / "service_config.json"


def main() -> int:
    """Make every client anew, touching only files that change; the exit status is 1 when a generator is missing."""
    try:
        peers.build([peers.GENERATORS])
    except peers.BuildError as error:
        print(f"The Go stubs were not made: {error}.", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch)
        make(made)
        for name in stale(made):
            source, target = made / name, GO / name
            if source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
            else:
                target.unlink()
            print(f"clients/go/{name}")
    return 0


def make(destination: Path) -> None:
    """Lay the generated part of the Go client into a folder.

    Raises:
        subprocess.CalledProcessError: buf or a plugin refused; it has printed why.
    """
    buf = str(Path(sys.executable).with_name("buf"))
    command = [buf, "generate", "--template", str(GO / "buf.gen.yaml"), "--path", "protos/atp"]
    path = os.pathsep.join([str(peers.TOOLS), os.environ.get("PATH", "")])
    subprocess.run([*command, "--output", str(destination)], cwd=ROOT, env={**os.environ, "PATH": path}, check=True)
    (destination / "client").mkdir()
    shutil.copyfile(SERVICE_CONFIG, destination / "client" / SERVICE_CONFIG.name)


def stale(made: Path, client: Path = GO) -> list[str]:
    """Generated files of the client that are missing, left over, or differ from what was made."""
    wanted, present = _generated(made), _generated(client)
    differing = {name for name in wanted & present if not filecmp.cmp(made / name, client / name, shallow=False)}
    return sorted((wanted ^ present) | differing)


def _generated(folder: Path) -> set[str]:
    found = [*folder.glob("atp/**/*.pb.go"), *folder.glob(f"client/{SERVICE_CONFIG.name}")]
    return {path.relative_to(folder).as_posix() for path in found}


if __name__ == "__main__":
    sys.exit(main())
