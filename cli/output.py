"""Answers for people: tables and progress bars on a terminal, plain lines elsewhere; hostile text made harmless."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text


def printable(value: object) -> str:
    """A value as text of one line: no control character, which could command a terminal, and no direction override."""
    text = "" if value is None else str(value)
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], right: Sequence[str] = ()) -> None:
    """Rows with a head each column, those named in `right` aligned to the right; without a terminal, tabs between."""
    console = Console()
    if not console.is_terminal:
        for cells in (heads, *rows):
            click.echo("\t".join(map(printable, cells)))
        return
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for head in heads:
        shown.add_column(head, justify="right" if head in right else "left", overflow="fold")
    for row in rows:
        # Text, since a string may hold rich's markup.
        shown.add_row(*(Text(printable(cell)) for cell in row))
    console.print(shown)


def facts(pairs: Iterable[tuple[str, object]]) -> None:
    """A name and a value a line."""
    known = [(name, printable(value)) for name, value in pairs if value is not None]
    width = max((len(name) for name, _ in known), default=0)
    for name, value in known:
        click.echo(f"{name:<{width}}  {value}")


class Progressing(Protocol):
    """Shows how far something is."""

    def __call__(self, text: str, done: int, total: int | None) -> None: ...


@contextmanager
def progress() -> Iterator[Progressing]:
    """A bar on the terminal that stderr is, else a line whenever something has changed."""
    console = Console(file=sys.stderr)
    if not console.is_terminal:
        yield _Lines()
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        shown = bar.add_task("", total=None)

        def show(text: str, done: int, total: int | None) -> None:
            bar.update(shown, description=printable(text), completed=done, total=total)

        yield show


class _Lines:
    """At most one a second, but for the last."""

    def __init__(self) -> None:
        self._last = ""
        self._next = 0.0

    def __call__(self, text: str, done: int, total: int | None) -> None:
        line = f"{printable(text)}: {done}" + ("" if total is None else f" of {total}")
        now = time.monotonic()
        if line != self._last and (now >= self._next or done == total):
            self._last, self._next = line, now + 1
            click.echo(line, err=True)
