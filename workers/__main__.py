"""`python -m workers`: Dramatiq's command line for our broker, whose first process logs as ours do, too."""

from __future__ import annotations

import sys

from dramatiq import cli

from core import logs
from core.errors import BadSettings
from workers.environment import settings_from_environment


def main() -> int:
    """Run worker processes until told to stop; takes Dramatiq's options. The exit code."""
    try:
        logs.configure(settings_from_environment())
    except BadSettings as error:
        sys.exit(str(error))
    arguments = sys.argv[1:]
    # On SIGHUP Dramatiq runs anew what stands here.
    sys.argv = [sys.executable, "-m", "workers", *arguments]
    parser = cli.make_argument_parser()  # type: ignore[no-untyped-call]
    return int(cli.main(parser.parse_args(["workers.broker:start", "--skip-logging", *arguments])))  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    sys.exit(main())
