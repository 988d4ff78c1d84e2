"""All checks, and what they found."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict

import click

from cli.doctor import database, messages, surroundings
from cli.doctor.finding import FINE, WRONG, Finding
from cli.output import printable
from cli.program import FAILED, Program
from core import logs

_MARKS = {"ok": ("ok   ", "green"), "hint": ("hint ", "yellow"), "wrong": ("WRONG", "red")}


def doctor(program: Program, *, as_json: bool) -> None:
    """Ends with FAILED when something is wrong; hints alone are no failure."""
    found = []
    for finding in _findings(program):
        found.append(finding)
        if not as_json:
            _say(finding)
    wrong = sum(finding.grade == WRONG for finding in found)
    if as_json:
        click.echo(json.dumps({"healthy": wrong == 0, "findings": [asdict(finding) for finding in found]}))
    else:
        hints = sum(finding.grade not in (WRONG, FINE) for finding in found)
        click.echo(f"\n{len(found)} looked at, {wrong} wrong, {hints} to consider")
    sys.exit(FAILED if wrong else 0)


def _findings(program: Program) -> Iterator[Finding]:
    yield from surroundings.check_settings(program)
    # Raises nothing any more once the settings could be read.
    if "settings" not in program.__dict__:
        return
    secrets = logs.secrets_of(program.settings)
    for part in (database.check, messages.check, surroundings.check):
        for finding in part(program):
            yield _without(finding, secrets)


def _without(finding: Finding, secrets: tuple[str, ...]) -> Finding:
    said = finding.said
    for secret in secrets:
        said = said.replace(secret, "***")
    return Finding(finding.part, finding.grade, said, finding.remedy)


def _say(finding: Finding) -> None:
    mark, colour = _MARKS[finding.grade]
    click.echo(f"{click.style(mark, fg=colour)} {finding.part:<16} {printable(finding.said)}")
    if finding.remedy:
        click.echo(f"      {'':<16} {printable(finding.remedy)}")
