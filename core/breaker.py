"""When a source that keeps failing is left in peace. Pure: counts and settings in, seconds out.

The rule. A fetch that met trouble is retried by its own rule (core/retry.py) and ends as that says, whatever else is
known of the source: the job that first meets a dead source says so in its own words. When BREAKER_FAILURES fetches in
a row have failed for good, for reasons that may pass (Retry; a refused key or a bad file is no trouble of the source),
the source rests: for BREAKER_REST, then twice as long with each further failure, BREAKER_REST_MAX at most. While it
rests, a fetch that has not begun is set aside, at no cost. After the rest one of them tries while the others wait;
an attempt that fails begins the rest anew, a page that comes ends it for all.
"""

from __future__ import annotations

from core.models import JsonObject
from core.settings import Settings

_MOST_DOUBLINGS = 30


def rest_after(failures: int, settings: Settings) -> float:
    """For how many seconds a source rests after so many fetches in a row failed for good; 0: not at all."""
    beyond = failures - settings.breaker_failures
    if beyond < 0:
        return 0.0
    return min(settings.breaker_rest * 2.0 ** min(beyond, _MOST_DOUBLINGS), settings.breaker_rest_max)


def has_begun(*, attempt: int, waits: int, cursor: JsonObject) -> bool:
    """Whether a claimed fetch (in its `attempt`, from 1) has asked its source before, and so goes on whatever comes."""
    return attempt > 1 or waits > 0 or bool(cursor)


def longest_trial(settings: Settings) -> float:
    """For how many seconds the others wait for the one that tries; as long as an exchange can take, and a bit."""
    return 2 * settings.http_timeout + 5
