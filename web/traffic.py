"""Counts what this server is asked: how many requests, how they ended and how long they took, by route.

Stands outside everything, so that what is answered around Flask and what is refused are counted too. The processes of
one server add up: under gunicorn each keeps its counts in a file that the others read (web/gunicorn_conf.py).
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import prometheus_client
from flask import Flask
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.multiprocess import MultiProcessCollector
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map

from web.tracing import CAME

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# Anything that is no route of ours; a label for each would be as many as strangers like.
UNMATCHED = "unmatched"
_METHODS = frozenset(("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"))
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_MOST_PATHS = 4096
_PARAMETER = re.compile(r"<(?:[^<>]+:)?(\w+)>")


class Traffic:
    """The metrics of this process, and the place where requests are counted."""

    def __init__(self) -> None:
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._seconds = Histogram(
            "crypto_quotes_http_request_duration_seconds",
            "Requests by route and class of status: seconds until the answer's head. Per replica.",
            ("method", "route", "status"),
            registry=self.registry,
            buckets=_BUCKETS,
        )
        # Finding a series costs more than counting in it; there are some for each route.
        self._series = cache(self._labelled)

    def count(self, method: str, route: str, status: str, seconds: float) -> None:
        """One request: its method and route as told by `Counted`, and its status line."""
        self._series(method, route, status[:1]).observe(seconds)

    def _labelled(self, method: str, route: str, status: str) -> Histogram:
        return self._seconds.labels(method, route, f"{status}xx")

    def collected(self) -> CollectorRegistry:
        """What this server's processes have counted together."""
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return self.registry
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return together


class Counted:
    """Stands around the application, with the routes of `app` to name requests by."""

    def __init__(self, application: WSGIApplication, app: Flask, traffic: Traffic) -> None:
        self._application = application
        self._traffic = traffic
        self._route = routes_of(app.url_map)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        begun = environ.get(CAME) or time.perf_counter()
        sent = environ.get("REQUEST_METHOD", "")
        method = sent if sent in _METHODS else "other"

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            route = self._route(environ.get("PATH_INFO", ""), method)
            self._traffic.count(method, route, status, time.perf_counter() - begun)
            return start_response(status, headers, *rest)

        return self._application(environ, start)


def routes_of(routes: Map) -> Callable[[str, str], str]:
    """A function that names the route of a path and method by its template, such as `/api/v1/jobs/{job_id}`."""

    @lru_cache(_MOST_PATHS)
    def route(path: str, method: str) -> str:
        try:
            # WSGI hands paths over as Latin-1; ours are ASCII but for their parameters, whose value is no matter here.
            rule, _ = routes.bind("").match(path, "GET" if method == "HEAD" else method, return_rule=True)
        except HTTPException:
            return UNMATCHED
        return _PARAMETER.sub(r"{\1}", rule.rule)

    return route
