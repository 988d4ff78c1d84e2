"""`python -m local`, which is `make run`: the whole program on this machine, until Ctrl-C."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from pathlib import Path

from dotenv import dotenv_values

from core.errors import BadSettings
from core.settings import Settings
from local import ending
from local.errors import CannotStart, Stopped
from local.output import Output
from local.run import ROOT, Plan, Run

BAD_SETTINGS, CANNOT_START = 2, 1


def _plan(arguments: list[str]) -> Plan:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    parser.add_argument(
        "--folder", type=Path, default=ROOT / ".local", help="where the embedded services keep their data"
    )
    parser.add_argument("--env-file", type=Path, default=ROOT / ".env", help="settings; the environment's own win")
    parser.add_argument("--no-sample", action="store_true", help="leave an empty database empty")
    chosen = parser.parse_args(arguments)
    from_file = {name: value for name, value in dotenv_values(chosen.env_file).items() if value is not None}
    environ = {**from_file, **os.environ}
    return Plan(Settings.from_env(environ), environ, chosen.folder.absolute(), not chosen.no_sample)


def main(arguments: list[str]) -> int:
    """Returns the exit code: 0 after a stop, 1 when something around the program is wrong, 2 for a wrong setting."""
    stopping = threading.Event()
    ending.listen(stopping)
    output = Output(sys.stdout)
    try:
        Run(_plan(arguments), output, stopping).until_stopped()
    except BadSettings as error:
        output.say(str(error))
        return BAD_SETTINGS
    except CannotStart as error:
        output.say(str(error))
        return CANNOT_START
    except Stopped:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
