"""The registry of sources: adding one is a file here, a line below and a recorded answer in the tests.

The order is the one that lists of sources are shown in; who wins is for SOURCE_PRIORITY to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from core.sources.coingecko import COINGECKO
from core.sources.coinpaprika import COINPAPRIKA
from core.sources.csv import CSV
from core.sources.source import Source

_ALL: tuple[Source, ...] = (
    CSV,
    COINGECKO,
    COINPAPRIKA,
)

SOURCES: Mapping[str, Source] = MappingProxyType({source.name: source for source in _ALL})
