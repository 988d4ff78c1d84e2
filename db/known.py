"""Pages whose very bytes were merged before: they aren't merged again, their tasks end with what came of them then.

That is for the pages at a fetch's beginning, up to the first one that isn't known: a page's digest is of the file up to
its end, and of how it is read (`Page.digest`). So it serves a file that comes again, and one that grew at its end.

Why nothing is missed. After a page was merged, each of its ids has a mapping, each of its observations is in the
history, or a better one of that time, and each of its ids has a latest quote that is no older and no worse. Merging
other pages takes none of that away, since it makes things only newer and better; and while it holds, merging the page
once more writes nothing, whatever the rules are by now. It ends when rows are deleted or moved. That is an upheaval,
and triggers count it in the transaction that does it: clearing, pruning of history, corrections, rebuilding, SQL by
hand. `data_epoch()` is how many there were; a snapshot sees of each what it did and its count, or neither, and so does
a dump, which is one.

- A merge reads the epoch before it looks for anything in the data, and keeps it with its outcome. An upheaval committed
  before that was seen by the merge; one committed after makes the number that it kept an old one.
- An outcome is taken over when one snapshot has it and the same epoch still. So from the merge's reading to that
  snapshot no upheaval was committed: all of the page is there, and merging it then would have written nothing. One that
  is committed a moment later comes after that, as it might have done.
- The coins that an outcome names are still those of the page's ids: giving ids to other coins is an upheaval.

Nobody waits here, and two jobs with one file at once both merge it. Not known are pages with a row whose time is that
of the fetch, or one that was refused for its time, which may only lie ahead (`Parsed.lasting`); pages read by another
release, which may have read them otherwise; and pages whose job was forgotten.

Of pages merged at once, each names the coins that none before it named. Those before it are pages of its file
(`workers.work.read_pages` sees to it), so they are known with it, and were taken over before it by the same job.

A release that orders observations or quotes in another way must begin an epoch in its migration.
"""

from __future__ import annotations

from core.models import Page
from db.pool import Connection
from db.queries import sql


def take_over(connection: Connection, fetch: int, page: Page, batch: int) -> bool:
    """Make the task of a page that was just stored and end it, if the page is known; within the fetch's transaction.

    Whether that was done.
    """
    if page.digest is None:
        return False
    values = {"task": fetch, "number": page.number, "digest": page.digest, "batch": batch}
    return connection.execute(sql("take_over_page"), values).fetchone() is not None
