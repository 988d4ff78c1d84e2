"""What a request needs: settings, database, doorbell. Made once an application, found through it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, cast

from flask import Flask, current_app

from core.kept import Kept
from core.registry import load_registry
from core.settings import Settings
from db.coins import Order
from db.pool import Database
from db.quotes import Rules
from workers.budget import Budget
from workers.queue import Bell

if TYPE_CHECKING:
    from web.auth import Auth

_NAME = "quotes"


@dataclass(slots=True)
class Services:
    """`waiting` is held by requests that wait for a job, `exports` by those that stream a file; `leaving` says that the
    process is about to stop.
    """

    settings: Settings
    database: Database
    auth: Auth
    bell: Bell
    budget: Budget
    waiting: BoundedSemaphore
    exports: BoundedSemaphore
    orders: Kept[Order]
    leaving: Callable[[], bool] = lambda: False


def install(app: Flask, services: Services) -> None:
    app.extensions[_NAME] = services


def services(app: Flask | None = None) -> Services:
    """The services of this application, or of the one that serves the running request."""
    return cast(Services, (app or current_app).extensions[_NAME])


def rules() -> Rules:
    """What decides identity and merging, as the workers have it. The registry is read once a process."""
    return Rules.of(services().settings, load_registry())
