"""A market's pages fetched one after the other over one connection and parsed, and nothing done with them.

`python -m bench.pages COINS`, with COINGECKO_API_URL.
"""

from __future__ import annotations

import json
import os
import sys

import requests

from bench.contender import contend

_PAGE = 250


def fetch(coins: int) -> dict[str, float]:
    rows = 0
    pages = range(1, -(-coins // _PAGE) + 1)
    with requests.Session() as session:
        session.trust_env = False
        for page in pages:
            answer = session.get(
                f"{os.environ['COINGECKO_API_URL']}/coins/markets",
                params={"vs_currency": "usd", "per_page": str(_PAGE), "page": str(page)},
                timeout=30,
            )
            answer.raise_for_status()
            rows += len(json.loads(answer.content))
    return {"rows": rows, "pages": len(pages)}


if __name__ == "__main__":
    contend(lambda: fetch(int(sys.argv[1])))
