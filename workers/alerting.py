"""Alerts in a worker process: finding crossings, and sending what tells of them, beside the ingest and not in its way.

A message is sent at least once: a sender that dies after the receiver took it can't say so, and it is sent again, under
the same id, by which receivers drop repeats.
"""

from __future__ import annotations

import json
import logging
import random
import threading
import time

from core.errors import GiveUp, RateLimited, Retry, Unavailable
from core.posting import post_webhook
from core.settings import Settings
from core.webhooks import BadTarget, signed_headers, target_of
from db import crossings, deliveries
from db.deliveries import Delivery
from db.pool import Database
from workers import mail

logger = logging.getLogger(__name__)

# Seconds before each further attempt: three and three quarter hours in all.
WAITS = (5, 30, 120, 600, 1800, 3600, 7200)
MOST_ATTEMPTS = len(WAITS) + 1
# A receiver that names a time is believed so far.
_LONGEST_WAIT = 7200.0
# Seconds for one wait of an exchange; the whole takes twice as long at most. Mail servers speak more often.
_TIMEOUT = 10.0
# Longer than any exchange, so that no message is sent by two at once; a lost one waits for it.
LEASE = 180.0
_AT_ONCE = 4


class Alerting:
    """One a worker process, asked by its dispatcher; sends by a few threads of its own."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._sending: list[threading.Thread] = []

    def find(self) -> None:
        """Find the crossings of prices and jobs."""
        crossings.look_at_sightings(self._database)

    def find_stale(self) -> None:
        """Find sources gone stale."""
        crossings.look_at_sources(self._database)

    def send_due(self) -> None:
        """Begin to send what is due, as far as threads are free; nothing waits for it."""
        self._sending = [thread for thread in self._sending if thread.is_alive()]
        free = _AT_ONCE - len(self._sending)
        if free <= 0:
            return
        for claimed in deliveries.claim(self._database, most=free, most_attempts=MOST_ATTEMPTS, lease=LEASE):
            # A daemon: a process that stops doesn't wait for a slow receiver, and the lease brings the message back.
            thread = threading.Thread(target=self.deliver, args=(claimed,), name="delivery", daemon=True)
            thread.start()
            self._sending.append(thread)

    def prune(self) -> None:
        """Forget what was delivered, or given up, as long ago as jobs are kept."""
        deliveries.prune(self._database, self._settings.job_retention)

    def deliver(self, claimed: Delivery) -> None:
        """Send a message, and say what came of it."""
        try:
            try:
                self._send(claimed)
            except Exception as error:
                self._failed(claimed, error)
            else:
                deliveries.arrived(self._database, claimed)
                logger.info("alert %s: %s delivered", claimed.alert_id, claimed.message_id)
        except Unavailable:
            logger.warning("alert %s: %s left to its lease, the database can't be reached", claimed.alert_id,
                           claimed.message_id)  # fmt: skip

    def _send(self, claimed: Delivery) -> None:
        if claimed.recipient is None:
            self._send_webhook(claimed)
        else:
            self._send_mail(claimed, claimed.recipient)

    def _send_webhook(self, claimed: Delivery) -> None:
        if claimed.webhook_url is None or claimed.secret is None:
            raise GiveUp("the alert has no webhook any more")
        body = claimed.body.encode()
        try:
            target = target_of(claimed.webhook_url)
        except BadTarget as error:
            raise GiveUp(f"the webhook's URL {error}") from None
        headers = signed_headers(claimed.secret, claimed.message_id, int(time.time()), body)
        post_webhook(target, body, headers, timeout=_TIMEOUT, allow_private=self._settings.alert_allow_private)

    def _send_mail(self, claimed: Delivery, recipient: str) -> None:
        settings = self._settings
        if not settings.smtp_url or not settings.alert_mail_from:
            raise Retry("SMTP_URL or ALERT_MAIL_FROM is not set")
        event = json.loads(claimed.body, parse_float=str, parse_int=str)
        facts = [f"{name}: {value}" for name, value in event["data"].items() if name != "message"]
        text = "\n".join([event["data"]["message"], "", *facts, f"time: {event['timestamp']}"])
        letter = mail.mail_of(
            settings.alert_mail_from,
            recipient,
            subject=f"[alert] {claimed.alert}",
            text=text,
            message_id=claimed.message_id,
        )
        mail.send(settings.smtp_url, letter, timeout=_TIMEOUT)

    def _failed(self, claimed: Delivery, error: Exception) -> None:
        known = isinstance(error, GiveUp | Retry)
        detail = str(error) if known else f"unexpected error: {type(error).__name__}"
        wait = None if isinstance(error, GiveUp) else _wait(claimed.attempt, error)
        deliveries.failed(self._database, claimed, detail, again_in=wait)
        what = "given up" if wait is None else f"again in {wait:.0f} s"
        # Neither the URL nor the body: what is in them is the rule's owner's.
        logger.warning("alert %s: %s: %s (%s)", claimed.alert_id, claimed.message_id, detail, what)


def _wait(attempt: int, error: Exception) -> float | None:
    """Seconds until the next attempt; None after the last."""
    if attempt >= MOST_ATTEMPTS:
        return None
    asked = error.retry_after if isinstance(error, RateLimited) else None
    # Spread by a tenth, so that what failed together doesn't come back together.
    ours = WAITS[attempt - 1] * random.uniform(1, 1.1)  # noqa: S311
    return max(ours, min(asked or 0.0, _LONGEST_WAIT))
