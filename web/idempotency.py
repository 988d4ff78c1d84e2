"""Idempotency-Key: whose, which, and for what request; kept for a day by the database."""

from __future__ import annotations

import hashlib
import json

from flask import request

from db.jobs import Idempotency
from web.auth import caller

REPLAYED = {"Idempotent-Replayed": "true for a repeat"}


def sent_key(headers: dict[str, str], body: str = "") -> Idempotency | None:
    """The key of the running request, if it brings one; `body` stands for what it brings besides its address."""
    key = headers.get("idempotency_key")
    return Idempotency(caller().name, key, _request_hash(body)) if key else None


def _request_hash(body: str) -> str:
    asked = [request.method, request.path, sorted(request.args.items(multi=True)), body]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()
