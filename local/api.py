"""The running web process as its first client sees it: is it ready, is there any data, ingest the sample."""

from __future__ import annotations

import threading
from typing import Any

import requests

from core.settings import ROLES, Settings
from local.errors import CannotStart, Stopped

_ENDED = ("succeeded", "partial_success", "failed", "cancelled")


def base_url(settings: Settings) -> str:
    """Where to reach web from this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)  # noqa: S104
    return f"http://{f'[{host}]' if ':' in host and not host.startswith('[') else host}:{settings.port}"


class Api:
    """Calls with the first key that may ingest, if keys are set. `stopping` ends every wait with Stopped."""

    def __init__(self, settings: Settings, stopping: threading.Event) -> None:
        self.url = base_url(settings)
        self._stopping = stopping
        keys = [key for key in settings.api_keys if ROLES.index(key.role) >= ROLES.index("ingest")]
        self.may_ingest = bool(keys) or not settings.api_keys
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy stands between us and ourselves
        if keys:
            self._session.headers["Authorization"] = f"Bearer {keys[0].secret}"

    def wait_until_ready(self, seconds: float) -> None:
        """Raises CannotStart when /readyz isn't 200 in time."""
        for _ in range(int(seconds / 0.1)):
            try:
                if self._session.get(f"{self.url}/readyz", timeout=5).status_code == 200:
                    return
            except requests.RequestException:
                pass
            self._pause(0.1)
        raise CannotStart(f"web did not become ready within {seconds:.0f} s; what it said is above.")

    def is_empty(self) -> bool:
        """Whether there is no coin yet."""
        return bool(self._json("GET", "/api/v1/data?page_size=1")["total"] == 0)

    def ingest_csv(self) -> dict[str, Any]:
        """Have the configured CSV file ingested; the job as it ended."""
        job = self._json("POST", "/api/v1/ingest/csv")
        while job["state"] not in _ENDED:
            self._pause(0.1)
            job = self._json("GET", f"/api/v1/jobs/{job['id']}")
        return job

    def close(self) -> None:
        self._session.close()

    def _json(self, method: str, path: str) -> dict[str, Any]:
        answer = self._session.request(method, self.url + path, timeout=30)
        answer.raise_for_status()
        body: dict[str, Any] = answer.json()
        return body

    def _pause(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise Stopped("The program was told to stop while it was starting.")
