"""`python -m cli`, or `./quotes`."""

from __future__ import annotations

from cli.commands import NAME, quotes

if __name__ == "__main__":
    quotes.main(prog_name=NAME)
