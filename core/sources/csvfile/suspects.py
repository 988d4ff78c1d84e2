"""Which of many rows `core.plausibility` may have something to say about: a look at all of them at once.

Floating point is good enough to look with, never to judge or to store: every bound here is drawn a little wider than
the rule's, so that rows are named in vain but none is missed.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core.plausibility import MOST_CAP_PER_VOLUME, RANGE_TOLERANCE, TRADED_CAP

_WIDER = 1e-6  # relative; a double is exact to about 1e-16
_NEVER_BELOW = ("price", "market_cap", "volume_24h")


def suspects(figures: Mapping[str, pa.StringArray], rows: int) -> list[int]:
    """The rows worth a closer look, of columns as in a QuoteTable."""
    columns = {
        name: _numbers(figures.get(name), rows) for name in (*_NEVER_BELOW, "price_change_24h", "high_24h", "low_24h")
    }
    price, cap, volume = (columns[name] for name in _NEVER_BELOW)
    high, low = columns["high_24h"], columns["low_24h"]
    more, less = 1 + _WIDER, 1 - _WIDER
    tolerance = float(RANGE_TOLERANCE)
    # An unknown figure is not a number, which compares as false with everything.
    found = columns["price_change_24h"] < -100 * less
    for column in (price, cap, volume):
        found |= column < 0
    found |= (cap >= float(TRADED_CAP) * less) & (volume * float(MOST_CAP_PER_VOLUME) < cap * more)
    found |= (high > 0) & (price > high * (1 + tolerance) * less)
    found |= (low > 0) & (price < low * (1 - tolerance) * more)
    return [int(row) for row in np.flatnonzero(found)]


def _numbers(texts: pa.StringArray | None, rows: int) -> NDArray[np.float64]:
    if texts is None:
        return np.full(rows, np.nan)
    numbers: NDArray[np.float64] = texts.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return numbers
