"""Doing the work: Dramatiq's doorbells, the leases, the dispatcher. Knows nothing of Flask."""
