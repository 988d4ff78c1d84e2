"""The command line for tests: in this process, with no settings but those that a test gives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from cli.commands import NAME, quotes
from tests.program import clean_environment

ROOT = Path(__file__).parent.parent


class CommandLine:
    """Runs commands; `environ` are the settings. Without services in it, none of this machine's are found."""

    def __init__(self, **environ: str) -> None:
        self.environ = {**clean_environment(), **environ}

    def __call__(self, *arguments: object) -> Result:
        """Run a command here."""
        return CliRunner().invoke(
            quotes, ["--folder", os.devnull + "/none", *map(str, arguments)], prog_name=NAME, env=self.environ
        )

    def json(self, *arguments: object, code: int = 0) -> Any:
        """What a command answers with --json, numbers digit for digit."""
        result = self(*arguments, "--json")
        assert result.exit_code == code, result.output
        return json.loads(result.stdout, parse_float=Decimal)

    def process(self, *arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run it as people do, as a process without a terminal."""
        return subprocess.run(
            [sys.executable, "-m", "cli", *map(str, arguments)],
            cwd=ROOT,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            **options,
        )
