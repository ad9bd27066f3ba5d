"""The way in for `atp` and `python -m atp_grpc`: hands the command line over and exits with its status.

The interpreter and the installed script enter here. It never does anything else.
"""

import sys

from atp_grpc.cli.program import run


def main() -> None:
    """Runs the command line of this process and exits."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
