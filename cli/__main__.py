"""`python -m cli`, or `./quotes`."""

from __future__ import annotations

import logging

from cli.commands import NAME, quotes

if __name__ == "__main__":
    # psycopg's and our own warnings say of each attempt what the sentence at the end says once.
    logging.disable()
    quotes.main(prog_name=NAME)
