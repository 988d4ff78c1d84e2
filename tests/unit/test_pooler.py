"""What a pooler's server connections keep from one release to the next."""

from __future__ import annotations

import hashlib
import re

from core.settings import Settings
from db.queries import sql

# By its name, what each temporary table looks like.
_SHAPES = {
    "incoming_names": "15a7651c7fe038a5",
    "incoming": "d829d4dcbd097946",
}


def test_a_temporary_table_of_another_shape_has_another_name() -> None:
    """It is made IF NOT EXISTS, and behind a pooler one that the release before made may exist: never edit a line here,
    but name the table anew."""
    made = re.findall(
        r"CREATE TEMPORARY TABLE IF NOT EXISTS (\w+) \((.*?)\n\) ON COMMIT", sql("prepare_incoming"), re.S
    )
    shapes = {name: hashlib.sha256(" ".join(columns.split()).encode()).hexdigest()[:16] for name, columns in made}
    assert shapes == _SHAPES


def test_a_pooler_is_named_by_its_mode() -> None:
    assert not Settings.from_env({}).pooled
    assert Settings.from_env({"POSTGRES_POOLER": "transaction"}).pooled
