"""Which operations a check is eased for, and why. Everything else is held to every check as it comes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_ACCEPTED = ("2xx", "3xx", "401", "403", "404", "409", "429")


@dataclass(frozen=True, slots=True)
class Eased:
    """Operations by their ids, for which a check is off or expects other statuses too; and the reason."""

    check: str
    operations: tuple[str, ...]
    settings: Mapping[str, object]
    reason: str


def _may_be_422(operations: tuple[str, ...], reason: str) -> Eased:
    settings = {"expected-statuses": [*_ACCEPTED, "422"]}
    return Eased("positive_data_acceptance", operations, settings, reason)


EXCEPTIONS: tuple[Eased, ...] = (
    Eased(
        "response_schema_conformance",
        ("stream_events",),
        {"enabled": False},
        "OpenAPI 3.1 describes the text of a stream; the check takes the schema for that of one event",
    ),
    _may_be_422(("ingest_csv",), "whether a file is a table of coins is seen when it is read"),
    _may_be_422(
        ("create_schedule", "change_schedule"),
        "a cron line's grammar, one of interval and cron, and which source has which limit are said in words",
    ),
    _may_be_422(("create_alert", "change_alert"), "each kind of alert takes fields of its own, as is said in words"),
    _may_be_422(("get_export",), "from and to are for history only, as their descriptions say"),
    _may_be_422(("put_mapping",), "the id of a coin that isn't there yet has a narrower form than one that is"),
)

# An address or a head may be so wrong that it is too long to be read at all.
EVERYWHERE: Mapping[str, Mapping[str, object]] = {
    "negative_data_rejection": {
        "expected-statuses": ["400", "401", "403", "404", "405", "406", "409", "414", "415", "422", "431"]
    }
}

# Operations that a short run may hear only refusals from.
SELDOM_GOOD: Mapping[str, str] = {
    "POST /api/v1/alerts": "random fields are seldom just those of its kind",
    "DELETE /api/v1/mappings/{source}/{source_id}": "only what was corrected before can be forgotten",
    "POST /api/v1/dead-letters/{task_id}/retry": "a dead letter can be run again once",
}
