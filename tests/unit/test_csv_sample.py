"""The made-up files: of the size asked for, the same for the same arguments, and readable."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts.sample import lines, main
from tests.unit.csv_reading import read


def test_it_has_every_coin_at_every_time() -> None:
    parsed = read("".join(lines(coins=7, times=3, seed=1)))
    assert not parsed.rejections
    assert len(parsed.quotes) == 21
    assert len({quote.source_id for quote in parsed.quotes}) == 7
    assert len({(quote.source_id, quote.observed_at) for quote in parsed.quotes}) == 21
    assert not any(quote.flags for quote in parsed.quotes)


def test_the_same_arguments_give_the_same_bytes_and_another_seed_others() -> None:
    assert list(lines(5, 2, seed=1)) == list(lines(5, 2, seed=1))
    assert list(lines(5, 2, seed=1)) != list(lines(5, 2, seed=2))


def test_the_rows_are_written_to_the_file_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--coins", "3", "--times", "2", str(tmp_path / "a.csv")])
    main(["--rows", "45000", "--out", str(tmp_path / "b.csv")])
    assert (tmp_path / "a.csv").read_text() == "".join(lines(3, 2, 1))
    assert (tmp_path / "b.csv").read_bytes().count(b"\n") == 45_001
    assert capsys.readouterr().out == ""


def test_without_a_file_they_go_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--coins", "2"])
    assert capsys.readouterr().out == "".join(lines(2, 1, 1))


@pytest.mark.parametrize("arguments", [["--coins", "0"], ["--times", "-1"], ["--rows", "many"]])
def test_a_wrong_number_is_named(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert re.search(rf"argument {arguments[0]}: ", capsys.readouterr().err)
