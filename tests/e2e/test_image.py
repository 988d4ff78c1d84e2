"""The image, built and run as the Dockerfile says, without a container engine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scripts.image import CANNOT, PROJECT

pytestmark = pytest.mark.timeout(300)


def test_the_image_builds_runs_as_nobody_from_a_root_that_is_read_only_and_does_a_job() -> None:
    image = subprocess.run(
        [sys.executable, "-m", "scripts.image"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    if image.returncode == CANNOT:
        pytest.skip(image.stderr.strip())
    assert image.returncode == 0, image.stdout[-5000:] + image.stderr[-5000:]
    assert not Path("/venv").exists(), "a step of the build reached this machine itself"
