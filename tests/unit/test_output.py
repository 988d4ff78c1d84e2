from __future__ import annotations

import io

import pytest

from local.output import Output


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_speakers_have_colours_of_their_own_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal = Terminal()
    output = Output(terminal)
    output.line("web", "a")
    output.line("worker", "b")
    output.line("web", "c")
    first, second, third = (line.partition("m")[0] for line in terminal.getvalue().splitlines())
    assert first == third != second


def test_there_is_no_colour_in_a_file() -> None:
    file = io.StringIO()
    Output(file).line("web", "a")
    Output(file).say("b")
    assert file.getvalue() == "web      | a\nb\n"


def test_there_is_no_colour_for_who_wants_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    terminal = Terminal()
    Output(terminal).say("b")
    assert terminal.getvalue() == "b\n"


def test_a_stream_that_is_gone_is_no_error() -> None:
    stream = io.StringIO()
    output = Output(stream)
    stream.close()
    output.say("nobody hears this")
