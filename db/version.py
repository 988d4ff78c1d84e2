"""The data version: equal versions mean equal golden records, quotes, mappings and redirects.

Every transaction that changes them adds 1 to some row of `data_version`, and the version is the sum. That holds:

- A snapshot sees all of a transaction or nothing of it. So the sum counts exactly the changes that the snapshot sees,
  however long a writer took between adding and committing, and whichever row it added to.
- On one Postgres, of two snapshots the later sees every change that the earlier saw. So equal sums see the same
  changes, and a version never comes back.
- A statement's snapshot is taken when it starts. Data that a 200 has shown were committed before it was sent; a check
  that starts after the next request came in therefore counts them, in whatever process or host it runs. An answer kept
  with an equal version is no older.
- An answer's version is read in the statement that reads its data. TRUNCATE alone shows to older snapshots; then the
  data are newer than the version says, which no later check will give.

No writer waits for another here: `advance_version` skips rows that are held. A transaction that rolls back adds
nothing. Reads from a lagging replica would break the third point: all connections must lead to one primary.
"""

from __future__ import annotations

from db.pool import Connection
from db.queries import sql


def advance(connection: Connection) -> None:
    """Count a change to what readers see; within the transaction that makes it."""
    connection.execute(sql("advance_version"))


def current(connection: Connection) -> str:
    """The version of the data that a statement started now sees."""
    row = connection.execute(sql("current_version")).fetchone()
    return str(row[0]) if row else ""
