"""Cells for people who open a CSV file in a spreadsheet, which takes some texts for formulas and runs them."""

from __future__ import annotations

# What begins a formula; a quote mark before it makes it text.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def plain(cell: str) -> str:
    """A text cell that no spreadsheet takes for a formula. Not for figures: a negative one is to stay a number."""
    return f"'{cell}" if cell.startswith(_FORMULA) or cell.lstrip().startswith(_FORMULA) else cell
