"""The bench's arithmetic and its tables. What it measures is not judged here: no time is asserted in a test."""

from __future__ import annotations

import math

import pytest

from bench.__main__ import SUITES, main
from bench.figures import mebibytes, middle, number, percentile, ratios, seconds, times
from bench.results import Findings, Row, Target, targets
from bench.smallfiles import ROWS, small_file
from bench.tables import table
from tests.unit.csv_reading import read

_HEADS = ("work", "seconds")


def test_a_ratio_is_taken_within_each_round() -> None:
    assert ratios([2.0, 30.0], [1.0, 10.0]) == [2.0, 3.0]


def test_who_was_measured_in_fewer_rounds_is_compared_in_those_alone() -> None:
    assert ratios([2.0, 30.0, 4.0], [1.0]) == [2.0]


def test_the_median_of_ratios_is_not_moved_by_one_bad_round() -> None:
    assert middle(ratios([1.0, 1.1, 50.0], [1.0, 1.0, 1.0])) == 1.1


def test_of_nothing_there_is_no_median_and_no_percentile() -> None:
    assert math.isnan(middle([]))
    assert math.isnan(percentile([], 0.99))


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1), (0.5, 50), (0.99, 99), (1.0, 100)])
def test_a_percentile_is_a_value_that_was_measured(share: float, expected: int) -> None:
    assert percentile(list(range(100, 0, -1)), share) == expected


def test_the_percentile_of_one_value_is_that_value() -> None:
    assert percentile([7.0], 0.99) == 7.0


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (seconds(12.34), "12.3 s"),
        (seconds(0.00812), "8.12 ms"),
        (seconds(math.nan), "-"),
        (number(12345.6), "12,346"),
        (number(0.01234), "0.0123"),
        (mebibytes(256 * 2**20), "256 MiB"),
        (times(0.871), "0.87x"),
        (times(12.34), "12.3x"),
        (times(math.nan), "-"),
    ],
)
def test_figures_are_shown_with_the_digits_that_count(shown: str, expected: str) -> None:
    assert shown == expected


def test_a_target_says_which_side_of_its_limit_is_good() -> None:
    at_most, at_least = Target(1.5), Target(3.0, at_least=True)
    assert (at_most.holds(1.5), at_most.holds(1.51)) == (True, False)
    assert (at_least.holds(3.0), at_least.holds(2.99)) == (True, False)
    assert (str(at_most), str(at_least), str(Target(256, unit="MiB"))) == ("≤ 1.5x", "≥ 3x", "≤ 256 MiB")


@pytest.mark.parametrize("target", [Target(1.0), Target(1.0, at_least=True)])
def test_what_was_not_measured_holds_no_target(target: Target) -> None:
    assert not Row("work", "peer", [], target).holds


def test_a_row_is_judged_by_the_median_of_its_rounds() -> None:
    row = Row("ingest", "the floor", [0.9, 0.95, 4.0], Target(1.0), "9.0 s", "10.0 s")
    assert row.holds
    assert row.cells() == ["ingest", "the floor", "9.0 s", "10.0 s", "0.95x", "0.90x to 4.00x", "≤ 1x", "yes"]


def test_a_table_is_markdown_with_columns_as_wide_as_their_widest_cell() -> None:
    assert table(_HEADS, [["ingest", "1.0"], ["a read", "0.001"]]).splitlines() == [
        "| work   | seconds |",
        "| ------ | ------: |",
        "| ingest |     1.0 |",
        "| a read |   0.001 |",
    ]


def test_a_cell_can_not_break_its_table() -> None:
    assert table(_HEADS, [["a|b\nc", "1"]]).splitlines()[2] == r"| a\|b c |       1 |"


def test_a_table_without_rows_still_has_its_heads() -> None:
    assert table(("a", "b"), []).splitlines() == ["| a   |   b |", "| --- | --: |"]


def test_findings_are_told_in_order_title_tables_notes() -> None:
    found = Findings("Reads", notes=["A sentence."])
    found.add_table("At rest", ("who", "rate"), [["ours", "1"]])
    parts = found.text().split("\n\n")
    assert [parts[0], parts[1], parts[-1]] == ["### Reads", "At rest:", "A sentence."]


def test_the_table_of_targets_has_a_line_a_row() -> None:
    drawn = targets([Row("a", "b", [2.0], Target(1.0)), Row("c", "d", [0.5], Target(1.0))]).splitlines()
    assert [line.rstrip(" |").rpartition("|")[2].strip() for line in drawn[2:]] == ["no", "yes"]


def test_a_small_file_is_one_that_the_program_reads() -> None:
    parsed = read(small_file(3, 7))
    assert (len(parsed.quotes), parsed.rejections) == (ROWS, [])


def test_small_files_of_two_numbers_share_no_coin_and_of_two_times_no_row() -> None:
    def rows(number: int, time: int) -> set[str]:
        return set(small_file(number, time).splitlines()[1:])

    assert not {row.split(",")[0] for row in rows(1, 0)} & {row.split(",")[0] for row in rows(2, 0)}
    assert not rows(1, 0) & rows(1, 1)


def test_an_unknown_part_is_refused_before_anything_is_started(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--only", "nonsense"])
    said = capsys.readouterr().err
    assert all(name in said for name in SUITES)
