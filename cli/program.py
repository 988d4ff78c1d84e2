"""What every command has: settings, database and doorbell, opened on first use; and how errors end it.

Exit codes: 0 done; 1 a job that failed, a finding, or something that isn't there; 2 wrong usage or a wrong setting; 3 a
service that can't be reached; 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import cached_property
from typing import Any, NoReturn

import click
from dotenv import dotenv_values

from cli import embedded
from core import logs
from core.errors import BadSettings, ProjectError, Unavailable
from core.settings import Settings
from core.sources import check_names
from db.pool import Database
from workers.queue import Bell

FAILED, USAGE, UNREACHABLE, INTERRUPTED = 1, 2, 3, 130
# Who asked, on the jobs that are asked for here.
WHO = "command line"


def environment() -> dict[str, str]:
    """The environment's variables, and those of a file `.env` that it doesn't set."""
    return {**{name: value or "" for name, value in dotenv_values().items()}, **os.environ}


class Program:
    """One run of the command line. In `folder` are the services of `make run`."""

    def __init__(self) -> None:
        self.folder = embedded.FOLDER
        self._closing = ExitStack()

    @cached_property
    def settings(self) -> Settings:
        """The settings, with the services of a running `make run` where none are named. Raises BadSettings."""
        settings = embedded.filled_in(Settings.from_env(environment()), self.folder)
        check_names(settings)
        return settings

    @cached_property
    def database(self) -> Database:
        """Raises BadSettings when none is named and none runs here."""
        if self.settings.database_url is None:
            raise BadSettings("DATABASE_URL must be set, or `make run` be running here.")
        opened = Database(
            self.settings.database_url, size=2, name="crypto-quotes command line", pooled=self.settings.pooled
        )
        self._closing.callback(opened.close)
        return opened

    @cached_property
    def bell(self) -> Bell:
        """Raises BadSettings when no Redis is named and none runs here."""
        if self.settings.redis_url is None:
            raise BadSettings("REDIS_URL must be set, or `make run` be running here.")
        return Bell(self.settings.redis_url)

    def close(self) -> None:
        self._closing.close()


class Commands(click.Group):
    """A group whose commands end with a sentence and an exit code, never with a traceback or a secret."""

    def invoke(self, ctx: click.Context) -> Any:
        program = ctx.ensure_object(Program)
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            _end(program, "interrupted", INTERRUPTED)
        except BrokenPipeError:
            # Whoever read us has seen enough. What is still in Python's hands would raise again at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)
        except Unavailable as error:
            _end(program, f"{_sentence(str(error))} `doctor` says more.", UNREACHABLE)
        except ProjectError as error:
            _end(program, _sentence(str(error)), USAGE if isinstance(error, BadSettings) else FAILED)
        except Exception as error:
            _end(program, f"This failed in a way nobody foresaw ({_kind(error)}); `doctor` may know more.", FAILED)
        finally:
            program.close()


def command(group: click.Group, name: str, **attributes: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """Declare a command that is given the Program and takes `--json`, as the argument `as_json`."""

    def declare(function: Callable[..., Any]) -> click.Command:
        flag = click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for programs.")
        return group.command(name, **attributes)(flag(click.pass_obj(function)))

    return declare


def note(text: str) -> None:
    """Something on the side, for people: to stderr, so that it never stands in an answer."""
    click.echo(text, err=True)


def _end(program: Program, sentence: str, code: int) -> NoReturn:
    for secret in _secrets(program):
        sentence = sentence.replace(secret, "***")
    note(f"quotes: {sentence}")
    sys.exit(code)


def _secrets(program: Program) -> tuple[str, ...]:
    # Nothing is read anew: where the settings were never good, nothing of them is in a sentence.
    settings = program.__dict__.get("settings")
    return logs.secrets_of(settings) if settings else ()


def _sentence(text: str) -> str:
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def _kind(error: Exception) -> str:
    kind = type(error)
    return f"{kind.__module__.partition('.')[0]}.{kind.__qualname__}"
