"""Postgres: every statement that runs, and who runs it. Knows nothing of Flask, Dramatiq or Redis."""
