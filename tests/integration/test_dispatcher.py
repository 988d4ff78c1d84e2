"""The dispatcher's rounds, whatever they are for."""

from __future__ import annotations

from core.settings import Settings
from db.pool import Database
from workers.dispatcher import Dispatcher
from workers.queue import Bell


def test_the_dispatcher_gives_a_sign_of_life_every_five_seconds_though_redis_is_away(database_url: str) -> None:
    # Nobody listens on port 1.
    settings = Settings.from_env({"DATABASE_URL": database_url, "REDIS_URL": "redis://127.0.0.1:1/0"})
    database = Database(database_url, size=2)
    signs = []
    dispatcher = Dispatcher(
        settings, database, Bell("redis://127.0.0.1:1/0"), "here:1", lambda: signs.append(dispatcher)
    )
    try:
        for now in (1.0, 2.0, 5.9, 6.1, 7.0):
            dispatcher.tick(now)
    finally:
        database.close()
    assert len(signs) == 2
