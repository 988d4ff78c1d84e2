"""The registry of sources: adding one is a file here, a line below and a recorded answer in the tests.

Besides, if it asks over HTTP, its base URL in core/settings.py and its rate in core/rates.py; addresses, schedules,
command line and pages follow from the line. `ingest/all` fetches it when ALL_SOURCES names it.

The order is the one that lists of sources are shown in; who wins is for SOURCE_PRIORITY to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from core.errors import BadSettings
from core.settings import Settings
from core.sources.binance import BINANCE
from core.sources.coingecko import COINGECKO
from core.sources.coinpaprika import COINPAPRIKA
from core.sources.csv import CSV
from core.sources.kraken import KRAKEN
from core.sources.source import Source

_ALL: tuple[Source, ...] = (
    CSV,
    COINGECKO,
    COINPAPRIKA,
    BINANCE,
    KRAKEN,
)

SOURCES: Mapping[str, Source] = MappingProxyType({source.name: source for source in _ALL})


def check_names(settings: Settings) -> None:
    """See that the settings speak of sources that there are. Raises BadSettings."""
    for variable, names in (
        ("ALL_SOURCES", settings.all_sources),
        ("INGEST_SCHEDULE", settings.ingest_schedule or {}),
        ("AUTO_INGEST_SOURCES", settings.auto_ingest_sources),
        ("SOURCE_PRIORITY", settings.source_priority),
    ):
        for name in names:
            if name not in SOURCES:
                raise BadSettings(f"{variable} names {name!r}, which is no source; known are {', '.join(SOURCES)}.")


def configured(settings: Settings) -> list[str]:
    """The sources that the settings name, in the registry's order; any other is asked only when a client says so."""
    named = {
        *settings.all_sources,
        *(settings.ingest_schedule or {}),
        *settings.auto_ingest_sources,
        *settings.source_priority,
    }
    return [name for name in SOURCES if name in named]
