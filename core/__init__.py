"""The domain, pure: knows nothing of Flask, Dramatiq, Redis or Postgres."""
