"""Answers for people: nothing hostile reaches a terminal, and where there is none, lines are plain."""

from __future__ import annotations

import pytest

from cli.output import printable, progress, table


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [("\x1b[2J\x1b]0;x\x07", "�[2J�]0;x�"), ("a\nb\tc\r", "a�b�c�"), ("\u202egnp", "�gnp"), ("Bit Ü 🐶", "Bit Ü 🐶")],
)
def test_no_text_commands_a_terminal(hostile: str, shown: str) -> None:
    assert printable(hostile) == shown


def test_a_table_without_a_terminal_is_lines_with_tabs(capsys: pytest.CaptureFixture[str]) -> None:
    table(("id", "name"), [(1, "[red]x[/red]"), (2, None)])
    assert capsys.readouterr().out == "id\tname\n1\t[red]x[/red]\n2\t\n"


def test_progress_without_a_terminal_is_a_line_a_change(capsys: pytest.CaptureFixture[str]) -> None:
    with progress() as show:
        show("job 1 running", 0, 2)
        show("job 1 running", 0, 2)
        show("job 1 succeeded", 2, 2)
    assert capsys.readouterr().err == "job 1 running: 0 of 2\njob 1 succeeded: 2 of 2\n"
