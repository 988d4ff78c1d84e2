"""Examples for the OpenAPI document; a test holds each against its schema."""

from __future__ import annotations

from typing import Any

Example = dict[str, Any]

RECORD: Example = {
    "canonical_id": "btc",
    "symbol": "btc",
    "name": "Bitcoin",
    "price": 37223.01,
    "market_cap": 705878473891,
    "volume_24h": 22105382911,
    "price_change_24h": -2.11425,
    "rank": 1,
    "circulating_supply": 18961650.0,
    "total_supply": 21000000.0,
    "max_supply": 21000000.0,
    "source": "coingecko",
    "last_updated": "2026-02-22T20:14:05.123+00:00",
    "time_assumed": False,
    "flags": [],
    "provenance": {"price": "coingecko", "market_cap": "coingecko", "volume_24h": "coingecko"},
}

COINS_PAGE: Example = {"data": [RECORD], "page": 1, "page_size": 20, "total": 1, "total_pages": 1}

QUOTE: Example = {
    **{name: RECORD[name] for name in ("price", "market_cap", "volume_24h", "price_change_24h", "rank", "flags")},
    **{name: RECORD[name] for name in ("circulating_supply", "total_supply", "max_supply", "source", "time_assumed")},
    "source_id": "bitcoin",
    "relation": "same",
    "high_24h": 39461.1,
    "low_24h": 36950.48,
    "observed_at": "2026-02-22T20:14:05.123+00:00",
    "fetched_at": "2026-02-22T20:14:31.5+00:00",
}

COIN: Example = {
    **RECORD,
    "sources": ["coingecko"],
    "quotes": [QUOTE],
    "mappings": [
        {
            "source": "coingecko",
            "source_id": "bitcoin",
            "symbol": "btc",
            "name": "Bitcoin",
            "relation": "same",
            "matched_by": "registry",
            "first_seen": "2026-02-01T08:00:00+00:00",
            "last_seen": "2026-02-22T20:14:31.5+00:00",
        }
    ],
}

MAPPING: Example = {**COIN["mappings"][0], "canonical_id": "btc", "ambiguous": False}

MAPPINGS_PAGE: Example = {"data": [MAPPING], "page": 1, "page_size": 20, "total": 1, "total_pages": 1}

MOVED: Example = {"canonical_id": "btc", "location": "/api/v1/coins/btc"}

STATS: Example = {
    "total_coins": 2541,
    "total_market_cap": 1712345678901.5,
    "average_price": 312.25,
    "top_gainers": [{"symbol": "DOT", "name": "Polkadot", "price_change_24h": 5.2, "canonical_id": "dot"}],
    "top_losers": [{"symbol": "ADA", "name": "Cardano", "price_change_24h": -3.1, "canonical_id": "ada"}],
}

_SOURCE: Example = {"status": "success", "count": 5, "stored": 5, "rejected": 0, "duplicates": 0}
_SUMMARY: Example = {
    "id": 17,
    "kind": "csv",
    "state": "succeeded",
    "requested_by": "ci",
    "progress": {"done": 2, "total": 2},
    "sources": {"csv": _SOURCE},
    "attempts": 1,
    "total_fetched": 5,
    "total_stored": 5,
    "duplicates_removed": 0,
    "rejected": 0,
    "created_at": "2026-02-22T20:14:31.5+00:00",
    "started_at": "2026-02-22T20:14:31.508+00:00",
    "finished_at": "2026-02-22T20:14:31.561+00:00",
    "cancel_requested_at": None,
    "retry_of": None,
    "links": {"self": "/api/v1/jobs/17"},
}

JOBS_PAGE: Example = {"data": [_SUMMARY], "page": 1, "page_size": 20, "total": 1, "total_pages": 1}

JOB: Example = {
    **_SUMMARY,
    "error": None,
    "errors": [],
    "timeline": [
        {"at": "2026-02-22T20:14:31.5+00:00", "event": "created", "by": "ci"},
        {"at": "2026-02-22T20:14:31.508+00:00", "event": "fetch started", "source": "csv", "tasks": 1},
        {"at": "2026-02-22T20:14:31.561+00:00", "event": "succeeded"},
    ],
    "rejected_by_reason": {},
    "rejections": [],
}

_FAILURE: Example = {
    "type": "about:blank",
    "title": "Fetch failed",
    "detail": "coingecko did not answer in time",
    "source": "coingecko",
    "at": "2026-02-22T20:09:30+00:00",
    "attempt": 4,
    "followed": "failed",
}

DEAD_LETTERS_PAGE: Example = {
    "data": [
        {
            "task_id": 41,
            "job_id": 17,
            "source": "coingecko",
            "task": "fetch",
            "attempts": 4,
            "failed_at": "2026-02-22T20:09:30+00:00",
            "error": _FAILURE,
            "errors": [_FAILURE],
            "links": {"job": "/api/v1/jobs/17", "retry": "/api/v1/dead-letters/41/retry"},
        }
    ],
    "page": 1,
    "page_size": 20,
    "total": 1,
    "total_pages": 1,
}

_OUTCOME: Example = {
    "job_id": 17,
    "rejected": 0,
    "rejected_by_reason": {},
    "rejections": [],
    "links": {"self": "/api/v1/jobs/17"},
}

RESULT: Example = {
    "source": "csv",
    "count": 5,
    "status": "success",
    "coins_fetched": ["bitcoin", "ethereum", "cardano", "solana", "polkadot"],
    "total_stored": 5,
    "duplicates_removed": 0,
    "notes": {},
    **_OUTCOME,
}

ALL_RESULT: Example = {
    "sources": {
        "csv": {"count": 5, "status": "success"},
        "coingecko": {"count": 100, "status": "success"},
        "coinpaprika": {"status": "error", "message": "Rate limit exceeded"},
    },
    "total_fetched": 105,
    "total_stored": 100,
    "duplicates_removed": 5,
    "status": "partial_success",
    **_OUTCOME,
}

UPLOAD_BODY: Example = {
    "required": False,
    "description": "Without a body, the file configured on the server is read.",
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {
                    "columns": {
                        "type": "string",
                        "contentMediaType": "application/json",
                        "description": "a JSON object: by field, the header of its column; comes before the file",
                        "example": '{"price": "Last"}',
                    },
                    "file": {"type": "string", "format": "binary", "description": "the CSV file"},
                },
            }
        }
    },
}

HEALTH: Example = {
    "status": "healthy",
    "message": "All is well.",
    "version": "0.1.0",
    "total_records": 2541,
    "features": ["ingest:csv", "ingest:coingecko", "ingest:coinpaprika"],
    "timestamp": "2026-02-22T20:15:00+00:00",
    "queues": {
        "fetch": {"ready": 0, "in_flight": 1, "delayed": 0, "dead": 0, "oldest_waiting_seconds": None},
        "normalize": {"ready": 3, "in_flight": 2, "delayed": 0, "dead": 0, "oldest_waiting_seconds": 0.012},
    },
    "workers": 2,
    "sources": {
        "coingecko": {
            "last_success": "2026-02-22T20:14:31.5+00:00",
            "last_error": {"at": "2026-02-22T20:09:30+00:00", "detail": "Rate limit exceeded"},
            "age_seconds": 28.5,
            "resting_until": None,
            "budget": {"per_minute": 10, "left": 9},
        }
    },
    "database": {"up": True, "latency_ms": 0.4},
    "redis": {"up": True, "latency_ms": 0.2},
}

EVENTS = """retry: 2000

event: data
data: {"version": "1009.1771790400000"}

event: job
data: {"id": 17, "state": "running", "kind": "csv", "progress": {"done": 1, "total": 2}}
id: 48211-1009.1771790400000

"""
