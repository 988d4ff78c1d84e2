"""What a worker does with a task: claim it, fetch or normalize, and end it one way or another."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from functools import partial
from typing import TypeVar

from core import logs, trace
from core.errors import GiveUp, NotYet, ProjectError, RateLimited, Resting, Retry, Unavailable
from core.models import JsonObject, Page, Quote
from core.retry import next_wait
from core.settings import Settings
from core.sources import SOURCES
from core.sources.bundles import bundles
from core.sources.source import Ask
from core.spans import SPANS
from db import quotes, reprocess, sources, tasks
from db.jobs import Doorbell
from db.pool import Connection, Database
from db.tasks import CancelledTask, Claim, LostTask, Outcome
from db.uploads import open_upload
from workers.gate import Gate
from workers.lanes import Lanes
from workers.lease import Holdings
from workers.queue import Bell

logger = logging.getLogger(__name__)

_T = TypeVar("_T")

# Of a job, merged in one transaction: neighbours in an index are written together.
PAGES_AT_ONCE = 20


class Work:
    """Everything that a worker process needs to do tasks; one object serves all its threads."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        bell: Bell,
        holdings: Holdings,
        rules: quotes.Rules,
        gate: Gate,
        lanes: Lanes,
        *,
        worker: str,
        stopping: threading.Event,
    ) -> None:
        self._settings = settings
        self._database = database
        self._bell = bell
        self._holdings = holdings
        self._rules = rules
        self._gate = gate
        self._lanes = lanes
        self._worker = worker
        self._stopping = stopping

    def do(self, doorbell: Doorbell) -> None:
        """Answer a doorbell. Whatever happens, the task's row says what is next.

        A fetch beyond its source's share of this process is left to the thread that next has room for it.
        """
        if doorbell.kind != "fetch":
            self._answer(doorbell)
            return
        following: Doorbell | None = doorbell if self._lanes.enter(doorbell) else None
        try:
            while following:
                page = self._take(following)
                following = self._lanes.following(doorbell.source)
                if following and isinstance(page, Doorbell):
                    self._bell.ring([page])
                elif page:
                    self._answer(page)
        except BaseException:
            if following:
                self._lanes.leave(doorbell.source)
            raise

    def _answer(self, page: Doorbell | Claim) -> None:
        """Do what there is to do; of a job's pages as long as there are any."""
        following: Doorbell | Claim | None = page
        while following:
            following = self._take(following) if isinstance(following, Doorbell) else self._carry_out_all([following])

    def _take(self, doorbell: Doorbell) -> Doorbell | Claim | None:
        """Claim and carry out; what this thread may go on with: a doorbell with perhaps more behind it, or a page."""
        if self._stopping.is_set():
            self._bell.ring([doorbell])
            # This process takes messages for a moment longer: let another one have it.
            threading.Event().wait(0.05)
            return None
        try:
            claims = tasks.claim_pages(
                self._database,
                doorbell.task_id,
                worker=self._worker,
                lease=self._settings.lease,
                most=PAGES_AT_ONCE if doorbell.kind == "normalize" else 1,
            )
        except Unavailable:
            logger.warning("task %s not claimed: the database can't be reached", doorbell.task_id)
            return None
        if not claims:
            return None
        self._bell.tell()
        return self._carry_out_all(claims)

    def _carry_out_all(self, claims: Sequence[Claim]) -> Doorbell | Claim | None:
        """A task, or some pages of one job; what `_take` says."""
        with ExitStack() as held:
            held.enter_context(about(claims))
            held.callback(self._bell.tell)
            for claimed in claims:
                held.enter_context(self._holdings.keep(claimed))
            if claims[0].kind == "normalize":
                return None if self._normalize_all(claims) else claims[0].doorbell
            if self._stopping.is_set():
                # Claimed while all that was held then was handed back.
                with suppress(Unavailable):
                    self._bell.ring(self._holdings.hand_back(kinds=(claims[0].kind,)))
            elif claims[0].kind == "fetch":
                return self._carry_out(claims[0], partial(self._fetch, claims[0]))
            else:
                self._carry_out(claims[0], partial(self._reprocess, claims[0]))
            return None

    def _normalize_all(self, claims: Sequence[Claim]) -> bool:
        """Merge pages at once; when that fails, one by one, so that one page's trouble is no other's.

        Whether that ended the job.
        """
        ended = False
        if len(claims) > 1:
            try:
                ended = self._normalize(claims)
                logger.info("%s pages: done", len(claims))
                return ended
            except Exception as error:
                logger.info("%s pages: one by one: %s", len(claims), type(error).__name__)
                # While the merge had them locked no beat renewed them, nor did anyone take them back, as one could now.
                with suppress(Unavailable):
                    self._holdings.renew()
        for claimed in claims:
            with logs.bound(task=claimed.task_id):
                ended = bool(self._carry_out(claimed, partial(self._normalize, [claimed])))
        return ended

    def _carry_out(self, claimed: Claim, do: Callable[[], _T]) -> _T | None:
        context = f"{claimed.kind} {claimed.source}"
        try:
            outcome = do()
            logger.info("%s: done", context)
            return outcome
        except LostTask:
            logger.info("%s: no longer ours, nothing written", context)
        except CancelledTask:
            logger.info("%s: cancelled", context)
        except Exception as error:
            if not isinstance(error, ProjectError):
                logger.exception("%s: unforeseen", context)
            try:
                if isinstance(error, NotYet):
                    self._set_aside(claimed, error)
                else:
                    self._postpone_or_fail(claimed, error)
            except (LostTask, CancelledTask):
                pass
            except Unavailable:
                logger.warning("%s: left to its lease, the database can't be reached", context)
        return None

    def _fetch(self, claimed: Claim) -> Doorbell | Claim | None:
        """Store page after page; the last one isn't rung for but returned: this thread has time for it.

        None when it was known, and so those before it.
        """
        if rest := self._gate.rest_left(claimed):
            raise Resting(f"{claimed.source} rests", rest)
        first = True
        for pages in bundles(SOURCES[claimed.source].pages(self._ask(claimed), claimed.cursor)):
            last = pages[-1].last
            page, bells = self._store(claimed, pages, alone=first and last)
            self._bell.ring(bells)
            if first:
                self._gate.went_well(claimed.source)
            first = False
            if last:
                return page
        raise Retry(f"{claimed.source} stopped before its last page")

    def _store(
        self, claimed: Claim, pages: Sequence[Page], *, alone: bool
    ) -> tuple[Doorbell | Claim | None, Sequence[Doorbell]]:
        """What this thread may go on with when that was the last page, and the bells to ring.

        A page that is `alone` it claims, unless another fetch waits for the thread or the process is to stop.
        """
        mine = alone and not self._lanes.is_awaited(claimed.source) and not self._stopping.is_set()
        lease = self._settings.lease
        with tasks.holding(self._database, claimed) as connection:
            if mine:
                return tasks.store_and_claim(connection, claimed, pages[0], worker=self._worker, lease=lease), ()
            bells = tasks.store_pages(connection, claimed, pages, lease=lease)
        page = bells.pop() if pages[-1].last and bells else None
        # Who hears one takes what pages there are: a bell for each process will do.
        return page, bells[-self._settings.worker_processes :]

    def _ask(self, claimed: Claim) -> Ask:
        params = claimed.params
        limit, upload, columns = params.get("limit"), params.get("upload"), params.get("columns")
        return Ask(
            settings=self._settings,
            limit=limit if isinstance(limit, int) else None,
            open_file=partial(open_upload, self._database, upload) if isinstance(upload, int) else None,
            columns={field: str(header) for field, header in columns.items()} if isinstance(columns, dict) else {},
            turn=partial(self._gate.turn, claimed.source),
        )

    def _normalize(self, claims: Sequence[Claim]) -> bool:
        """All effects of these pages and their tasks' ends in one transaction; whether that ended the job."""
        outcomes: list[Outcome] = []
        with tasks.holding(self._database, *claims) as connection:
            pages = read_pages(connection, claims, outcomes)
            coins = quotes.store_pages(connection, claims[0].source, pages, self._rules)
            return tasks.succeed_all(connection, claims, outcomes, coins)

    def _reprocess(self, claimed: Claim) -> None:
        """First identity, then the records bite by bite; after a crash it goes on behind the last bite."""
        cursor = dict(claimed.cursor)
        behind: object = cursor.get("behind")
        while True:
            with tasks.holding(self._database, claimed) as connection:
                if not isinstance(behind, int):
                    cursor = {"moved": reprocess.rebuild_identity(connection, self._rules)}
                    behind = 0
                else:
                    behind = reprocess.rebuild_records(connection, behind, self._rules)
                if behind is None:
                    coins = reprocess.every_coin(connection)
                    notes: JsonObject = {"moved_ids": cursor["moved"]}
                    tasks.succeed(connection, claimed, coins=coins, rows=len(coins), notes=notes)
                    return
                tasks.advance(connection, claimed, {**cursor, "behind": behind}, lease=self._settings.lease)

    def _set_aside(self, claimed: Claim, reason: NotYet) -> None:
        with tasks.holding(self._database, claimed) as connection:
            if isinstance(reason, Resting):
                # Whoever ends the rest just now would not see this task among those that wait for that.
                reason = NotYet(str(reason), sources.hold_rest(connection, claimed.source))
            tasks.set_aside(connection, claimed, reason)
        logger.debug("%s, set aside for %g s or more", reason, reason.seconds)

    def _postpone_or_fail(self, claimed: Claim, error: Exception) -> None:
        detail = str(error) if isinstance(error, ProjectError) else f"unexpected error: {type(error).__name__}"
        wait = None
        with tasks.holding(self._database, claimed) as connection:
            if not isinstance(error, GiveUp):
                wait = next_wait(
                    error,
                    # Not the claim's: tries count anew after each page.
                    attempt=tasks.attempt_now(connection, claimed),
                    max_attempts=claimed.max_attempts,
                    waits=claimed.waits,
                    settings=self._settings,
                )
            if wait is None:
                tasks.fail(connection, claimed, detail)
            else:
                tasks.postpone(connection, claimed, detail, delay=wait.seconds, asked_for=wait.asked_for)
        if claimed.kind == "fetch":
            self._gate.went_wrong(claimed.source, error, for_good=wait is None)
        level = logging.INFO if isinstance(error, RateLimited) else logging.WARNING
        logger.log(level, "%s (%s)", detail, f"again in {wait.seconds} s" if wait else "failed")


@contextmanager
def about(claims: Sequence[Claim]) -> Iterator[None]:
    """Let a block's log lines name the job, the task or tasks, and the trace that asked for them."""
    first, last = claims[0], claims[-1]
    which = {"task": first.task_id} if len(claims) == 1 else {"tasks": f"{first.task_id}-{last.task_id}"}
    named: dict[str, str | int] = {"job": first.job_id, **which}
    step = trace.following(first.traceparent)
    with trace.running(step), logs.bound(**named), SPANS.span(f"{first.kind} {first.source}", step, named):
        yield


def read_pages(
    connection: Connection, claims: Sequence[Claim], outcomes: list[Outcome]
) -> Iterator[tuple[Sequence[Quote], datetime]]:
    """The claims' pages, parsed one after the other as `store_pages` wants them; what came of each goes to `outcomes`.

    Raises GiveUp when one isn't kept any more.
    """
    fetches = set()
    for claimed in claims:
        batch = tasks.load_batch(connection, claimed.batch_id)
        if batch is None:
            raise GiveUp("The fetched page is no longer kept; start a new ingest.")
        fetches.add(batch.fetch)
        parsed = SOURCES[claimed.source].parse(batch.body, batch.meta)
        # A page names no coin that one before it named: behind another file's page, that tells too little of its own.
        outcomes.append(Outcome.of(parsed, batch if len(fetches) == 1 else None))
        yield parsed.quotes, batch.fetched_at
