"""What a spreadsheet would run."""

from __future__ import annotations

import pytest

from core import spreadsheet


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", " =1", "＝1"])
def test_what_a_spreadsheet_would_run_has_a_quote_mark_in_front(cell: str) -> None:
    assert spreadsheet.plain(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "BTC,-1", "1=1", "'=1"])
def test_other_cells_stay_as_they_are(cell: str) -> None:
    assert spreadsheet.plain(cell) == cell
