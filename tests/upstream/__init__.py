"""A stand-in for all providers' servers, so that everything runs without an outside network.

In tests: the fixture `upstream`, or `with Upstream(made_up(1000)) as upstream`. By itself: `python -m tests.upstream`.
"""
