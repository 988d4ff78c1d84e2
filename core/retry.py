"""When to try a failed task again. Pure: an error and the task's record in, a wait or nothing out."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import RateLimited
from core.settings import Settings

# However often an upstream says "later": with the longest wait taken over (15 minutes) this is five hours.
MOST_WAITS = 20


@dataclass(frozen=True, slots=True)
class Wait:
    """Try again in `seconds`; `asked_for` by the upstream, so that it costs no attempt."""

    seconds: float
    asked_for: bool = False


def next_wait(error: Exception, *, attempt: int, max_attempts: int, waits: int, settings: Settings) -> Wait | None:
    """How long to wait before the task runs again; None when it has failed for good.

    `attempt` counts from 1 and is the one that failed; `waits` is how often the upstream was obeyed before.
    """
    if isinstance(error, RateLimited) and error.retry_after is not None and waits < MOST_WAITS:
        return Wait(max(1.0, min(error.retry_after, settings.retry_after_max)), asked_for=True)
    if attempt >= max_attempts:
        return None
    return Wait(min(settings.retry_base_delay * 2.0 ** (attempt - 1), settings.retry_max_delay))
