from __future__ import annotations

from pathlib import Path

import pytest

from local import procfile
from local.errors import CannotStart
from local.run import ROOT


def test_the_projects_own_procfile_has_the_three_commands() -> None:
    commands = procfile.read(ROOT / "Procfile")
    assert list(commands) == ["release", "web", "worker"]
    assert "db.migrate" in commands["release"]
    assert "gunicorn" in commands["web"]
    assert "python -m workers" in commands["worker"]


def test_blank_lines_and_comments_may_stand_between(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("# what runs\n\nweb: A=${B:-1} serve 'x:y()'  \n")
    assert procfile.read(tmp_path / "Procfile") == {"web": "A=${B:-1} serve 'x:y()'"}


@pytest.mark.parametrize("line", ["web serve", "web:", ": serve", "  web: serve", "we b: serve"])
def test_a_line_that_cannot_be_read_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "Procfile").write_text(f"release: migrate\n{line}\n")
    with pytest.raises(CannotStart, match="Procfile, line 2, is not `name: command`"):
        procfile.read(tmp_path / "Procfile")


def test_the_same_name_twice_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("web: one\nweb: two\n")
    with pytest.raises(CannotStart, match="line 2: `web` is there twice"):
        procfile.read(tmp_path / "Procfile")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="Procfile can't be read"):
        procfile.read(tmp_path / "Procfile")
