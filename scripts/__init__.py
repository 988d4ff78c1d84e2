"""Programs for people who work on this, run with `python -m scripts.NAME`."""
