"""Why the program can't be started here, in a sentence that says what to do."""

from __future__ import annotations

from core.errors import ProjectError


class CannotStart(ProjectError):
    """Something around the program is missing or in the way; the text names what to set, install or stop."""


class Stopped(ProjectError):
    """The program was asked to end while it was still starting."""
