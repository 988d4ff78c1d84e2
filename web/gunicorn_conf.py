"""How gunicorn runs web: `gunicorn -c web/gunicorn_conf.py`. Address, processes and threads come from our settings."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import struct
import sys
import tempfile
from typing import TYPE_CHECKING

from gunicorn.glogging import Logger

from core import logs
from core.errors import BadSettings
from core.spans import SPANS
from db.schema import refuse_unfit
from web.arrivals import STALL_SECONDS, PatientWorker
from web.desk import desk_of
from web.environment import address, refuse_to_be_open, settings_from_environment
from web.events import broadcast
from web.services import services

if TYPE_CHECKING:
    from types import FrameType

    from gunicorn.arbiter import Arbiter
    from gunicorn.config import Config
    from gunicorn.workers.base import Worker

try:
    _settings = settings_from_environment()
    if _settings.database_url:
        refuse_unfit(_settings.database_url)
    refuse_to_be_open(_settings)
except BadSettings as error:
    sys.exit(str(error))

wsgi_app = "web.app:create_app()"
bind = address(_settings)
# gthread, but that slow clients hold no thread.
worker_class = "web.arrivals.PatientWorker"
workers = _settings.web_concurrency
threads = _settings.web_threads
# Each process makes its own application, pool and Redis connections, after the fork.
preload_app = False
keepalive = 15
# The most that gunicorn knows: a search for 200 characters that are escaped is that long.
limit_request_line = 8190
# Platforms kill 30 s after SIGTERM.
graceful_timeout = 25
# web.tracing logs each request.
accesslog = None
# web.access reads what proxies say, by TRUSTED_PROXIES alone.
forwarded_allow_ips = ""
# A second way in that nobody asked for.
control_socket_disable = True
# Where the processes of this server keep what they count (web/traffic.py), for whichever of them is asked.
_COUNTS = "PROMETHEUS_MULTIPROC_DIR"


class logger_class(Logger):  # type: ignore[misc]  # noqa: N801  gunicorn's name for it
    """Lets gunicorn's own lines go the way of ours, from the first on and after a reload."""

    def setup(self, cfg: Config) -> None:
        super().setup(cfg)
        logs.configure(_settings)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


def on_starting(server: Arbiter) -> None:  # noqa: ARG001  gunicorn calls it so
    """Make a place for what the processes count."""
    # Always one of our own: a master that replaces another inherits its environment, and must not add to its files.
    os.environ[_COUNTS] = tempfile.mkdtemp(prefix="crypto-quotes-metrics-")


def when_ready(server: Arbiter) -> None:
    """Limit how long a client may stall; accepted connections inherit this from the listening one."""
    limit = struct.pack("ll", STALL_SECONDS, 0)
    for listener in server.LISTENERS:
        # gunicorn sets timeouts in Python alone, and takes them off for the request's time; these the kernel keeps.
        with contextlib.suppress(OSError):
            listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
            listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)


def post_worker_init(worker: Worker) -> None:
    """Let requests that wait for a job know when the process is asked to stop, and end event streams at once then."""
    # Not above: Prometheus' library looks for its folder when it is imported.
    from web.metrics import metrics_of

    if isinstance(worker, PatientWorker):
        worker.open_desk(desk_of(worker.wsgi))
    services(worker.wsgi).leaving = lambda: not worker.alive
    metrics_of(worker.wsgi).vitals.keep_noting()
    SPANS.configure("crypto-quotes web")
    streams = broadcast(worker.wsgi)
    handle = signal.getsignal(signal.SIGTERM)

    def stop(number: int, frame: FrameType | None) -> None:
        streams.end()
        if callable(handle):
            handle(number, frame)

    # gunicorn has no hook for this moment, and waits for nothing that it doesn't serve itself.
    signal.signal(signal.SIGTERM, stop)


def worker_exit(server: Arbiter, worker: Worker) -> None:  # noqa: ARG001  gunicorn calls it so
    """Let the last bytes of event streams get out."""
    if getattr(worker, "wsgi", None):
        streams = broadcast(worker.wsgi)
        streams.end()
        streams.wait_until_ended()


def child_exit(server: Arbiter, worker: Worker) -> None:  # noqa: ARG001  gunicorn calls it so
    """What a process was busy with ends with it; what it counted stays."""
    # Not above: the library looks for its folder when it is imported.
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(server: Arbiter) -> None:  # noqa: ARG001  gunicorn calls it so
    """Leave nothing behind."""
    shutil.rmtree(os.environ[_COUNTS], ignore_errors=True)
