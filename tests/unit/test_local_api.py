from __future__ import annotations

import pytest

from core.settings import Settings
from local.api import base_url

KEY = "ops:admin:long-enough"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("localhost", "http://localhost:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),  # noqa: S104
        ("::", "http://[::1]:8000"),
        ("::1", "http://[::1]:8000"),
        ("[::1]", "http://[::1]:8000"),
    ],
)
def test_web_is_reached_from_this_machine_wherever_it_listens(host: str, url: str) -> None:
    assert base_url(Settings.from_env({"HOST": host, "API_KEYS": KEY})) == url
