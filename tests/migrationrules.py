"""What a migration may not do, by the text of its file: hold a big table for long, or take from the release before what
it works with.

Rules by form, not by meaning: what breaks none can still be slow or wrong. A table that the file makes itself is free.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# They grow with every ingest; to read one through under a lock that writers wait for would stop the program.
BIG = ("quotes", "price_history", "cryptocurrencies")
# An index is made while writers wait. Coins are some thousands; these are as many as there were observations.
_BIGGEST = ("quotes", "price_history")
_BREAKS = re.compile(r"^-- breaks code before [0-9]{4}$", re.MULTILINE)
# In one go, since each may hold what looks like the beginning of another.
_ASIDE = re.compile(r"(?P<comment>--[^\n]*|/\*.*?\*/)|(?P<dollars>\$\w*\$).*?(?P=dollars)|'(?:[^']|'')*'", re.DOTALL)
_ALTER = re.compile(r"ALTER TABLE (?:IF EXISTS )?(?:ONLY )?([\w.]+) (.*)")
# `DEFAULT 0`, `DEFAULT ''`, `DEFAULT now()`: worked out once, and no row is written.
_CHEAP_DEFAULT = re.compile(
    r"DEFAULT (?:-?[0-9.]+|''(?:::\w+)?|TRUE|FALSE|NULL|NOW\(\)|CURRENT_TIMESTAMP)(?: |,|$)", re.IGNORECASE
)
_SLOW = (
    (r"\bALTER (?:COLUMN )?\w+ (?:SET DATA )?TYPE\b", "another type writes every row anew"),
    (r"\bSET NOT NULL\b", "SET NOT NULL reads every row under a lock"),
    (
        r"\bADD (?:CONSTRAINT \w+ )?(?:CHECK|FOREIGN KEY)\b(?!.*\bNOT VALID\b)",
        "a constraint must be NOT VALID at first",
    ),
    (r"\bADD (?:CONSTRAINT \w+ )?(?:PRIMARY KEY|UNIQUE|EXCLUDE)\b(?!.*\bUSING INDEX\b)", "it makes an index"),
    (r"\bSET (?:LOGGED|UNLOGGED|TABLESPACE|ACCESS METHOD)\b", "it writes every row anew"),
)
_TAKING = (
    (r"\bRENAME\b", "code of the release before knows the old name"),
    (r"\bDROP (?:COLUMN\b|(?!NOT NULL|DEFAULT|CONSTRAINT|IDENTITY|EXPRESSION)\w+(?:,| |$))", "a column is dropped"),
    (r"\bALTER (?:COLUMN )?\w+ (?:SET DATA )?TYPE\b", "code of the release before writes the old type"),
    (r"\bSET NOT NULL\b", "code of the release before may write nulls"),
)


def complaints(text: str) -> list[str]:
    """A sentence for each statement of a migration's text that breaks a rule."""
    statements = list(_statements(text))
    made = {
        match[1].lower()
        for statement in statements
        if (match := re.match(r"CREATE TABLE (?:IF NOT EXISTS )?([\w.]+)", statement, re.IGNORECASE))
    }
    return [
        f"{reason}: {statement[:80]}"
        for statement in statements
        for reason in dict.fromkeys(
            [*_slow(statement, made), *_taking(statement, made, _BREAKS.search(text) is not None)]
        )
    ]


def _statements(text: str) -> Iterator[str]:
    """Each on a line of its own, without comments and what is quoted."""
    plain = _ASIDE.sub(lambda aside: " " if aside["comment"] else "''", text)
    for statement in plain.split(";"):
        if words := " ".join(statement.split()):
            yield words


def _slow(statement: str, made: set[str]) -> Iterator[str]:
    table, change = _altered(statement)
    if table in BIG and table not in made:
        yield from (reason for form, reason in _SLOW if re.search(form, change, re.IGNORECASE))
        if _has_costly_column(change):
            yield "a new column's default or rule is worked out for every row"
    for form, tables, reason in (
        (r"CREATE (?:UNIQUE )?INDEX .*?\bON (?:ONLY )?([\w.]+)", _BIGGEST, "an index on it is made while writers wait"),
        (
            r"(?:UPDATE|DELETE FROM|TRUNCATE(?: TABLE)?) (?:ONLY )?([\w.]+)",
            BIG,
            "its rows are to be changed by the program",
        ),
        (r"(?:LOCK(?: TABLE)?|CLUSTER|REINDEX TABLE|VACUUM \(?FULL\)?) ([\w.]+)", BIG, "it is locked for long"),
    ):
        match = re.match(form, statement, re.IGNORECASE)
        if match and match[1].lower() in tables and match[1].lower() not in made:
            yield reason


def _has_costly_column(change: str) -> bool:
    for column in re.findall(
        r"ADD (?:COLUMN )(?:IF NOT EXISTS )?(.*?)(?=, (?:ADD|ALTER|DROP)|$)", change, re.IGNORECASE
    ):
        if re.search(r"\b(?:GENERATED|\w*SERIAL|UNIQUE|PRIMARY KEY)\b", column, re.IGNORECASE):
            return True
        if re.search(r"\bDEFAULT\b", column, re.IGNORECASE) and not _CHEAP_DEFAULT.search(column):
            return True
    return False


def _taking(statement: str, made: set[str], said: bool) -> Iterator[str]:
    """What needs a line `-- breaks code before NNNN` in the file, when it has none."""
    if said:
        return
    table, change = _altered(statement)
    if table and table not in made:
        yield from (reason for form, reason in _TAKING if re.search(form, change, re.IGNORECASE))
        for column in re.findall(r"ADD (?:COLUMN )(.*?)(?=, (?:ADD|ALTER|DROP)|$)", change, re.IGNORECASE):
            if "NOT NULL" in column.upper() and not re.search(r"\b(?:DEFAULT|GENERATED)\b", column, re.IGNORECASE):
                yield "code of the release before knows nothing of a column that must be given"
    if re.match(r"DROP (?:TABLE|VIEW|FUNCTION|TYPE|SCHEMA|SEQUENCE)\b", statement, re.IGNORECASE):
        yield "code of the release before may use it"


def _altered(statement: str) -> tuple[str, str]:
    """Which table is altered, and how; two empty strings for another statement."""
    match = re.match(_ALTER.pattern, statement, re.IGNORECASE)
    return (match[1].lower(), match[2]) if match else ("", "")
