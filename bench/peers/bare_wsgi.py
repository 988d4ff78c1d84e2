"""What the web server costs by itself: an application that has its answer already, as long as that of one coin.

`gunicorn -k web.arrivals.PatientWorker bench.peers.bare_wsgi:app`; no read of ours that takes a thread can be quicker.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_BODY = b"{" + b" " * 1498 + b"}"
_HEADERS = [("Content-Type", "application/json"), ("Content-Length", str(len(_BODY)))]


def app(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The same answer to everything."""
    start_response("200 OK", list(_HEADERS))
    return [_BODY]
