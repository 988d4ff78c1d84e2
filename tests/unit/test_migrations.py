"""Migrations hold no big table for long and leave the release before working, as far as their form tells."""

from __future__ import annotations

import pytest

from db import schema
from db.schema import Migration
from tests.migrationrules import complaints

# The first ones made the tables: there was no release before, and nothing in them.
_FIRST_TO_LEAVE_ONE = 6


@pytest.mark.parametrize(
    "migration",
    [m for m in schema.migrations() if m.number >= _FIRST_TO_LEAVE_ONE],
    ids=lambda migration: migration.name,
)
def test_a_migration_can_run_while_the_release_before_works(migration: Migration) -> None:
    assert complaints(migration.text) == []


@pytest.mark.parametrize(
    "text",
    [
        "ALTER TABLE quotes ALTER COLUMN price TYPE text",
        "ALTER TABLE ONLY quotes ALTER price SET DATA TYPE text",
        "alter table price_history alter column price set not null",
        "ALTER TABLE cryptocurrencies ADD COLUMN made uuid DEFAULT gen_random_uuid()",
        "ALTER TABLE cryptocurrencies ADD COLUMN twice numeric GENERATED ALWAYS AS (price * 2) STORED",
        "ALTER TABLE quotes ADD COLUMN number bigserial",
        "ALTER TABLE quotes ADD CONSTRAINT positive CHECK (price > 0)",
        "ALTER TABLE quotes ADD CONSTRAINT coin FOREIGN KEY (coin_key) REFERENCES cryptocurrencies",
        "ALTER TABLE price_history ADD UNIQUE (mapping_key)",
        "CREATE INDEX ON price_history (price)",
        "CREATE UNIQUE INDEX newest ON price_history (mapping_key)",
        "UPDATE quotes\nSET price = 0",
        "DELETE FROM price_history",
        "LOCK TABLE cryptocurrencies IN EXCLUSIVE MODE",
        # what the release before would miss, on any table
        "ALTER TABLE jobs DROP COLUMN slot",
        "ALTER TABLE jobs DROP slot",
        "ALTER TABLE jobs RENAME COLUMN slot TO place",
        "ALTER TABLE jobs RENAME TO works",
        "ALTER TABLE jobs ADD COLUMN place integer NOT NULL",
        "ALTER TABLE jobs ALTER COLUMN slot TYPE integer",
        "DROP TABLE jobs",
        "DROP FUNCTION data_version()",
        # and not only at the beginning of a file
        "-- it's why\nCREATE TABLE mine (x integer);\nALTER TABLE quotes ADD x integer, ALTER price SET NOT NULL",
        "SELECT 'a -- b'; DROP TABLE jobs",
    ],
)
def test_a_statement_that_holds_up_or_breaks_the_release_before_is_complained_of(text: str) -> None:
    assert complaints(text)


@pytest.mark.parametrize(
    "text",
    [
        "ALTER TABLE quotes ADD COLUMN place integer",
        "ALTER TABLE quotes ADD COLUMN place integer NOT NULL DEFAULT 0",
        "ALTER TABLE quotes ADD COLUMN flags text[] NOT NULL DEFAULT '{}'",
        "ALTER TABLE quotes ADD CONSTRAINT positive CHECK (price > 0) NOT VALID",
        "ALTER TABLE quotes VALIDATE CONSTRAINT positive",
        "ALTER TABLE quotes ALTER COLUMN price DROP NOT NULL, DROP CONSTRAINT positive",
        "CREATE INDEX largest ON cryptocurrencies (market_cap)",
        "CREATE TABLE mine (x integer NOT NULL); ALTER TABLE mine ALTER x TYPE bigint; CREATE INDEX ON mine (x)",
        "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$ DELETE FROM quotes; DROP TABLE jobs; $$",
        "-- ALTER TABLE jobs DROP COLUMN slot;\nSELECT 'DROP TABLE jobs; '",
        "-- breaks code before 0042\nALTER TABLE jobs DROP COLUMN slot",
    ],
)
def test_what_costs_nothing_and_breaks_nothing_is_let_through(text: str) -> None:
    assert complaints(text) == []


def test_a_break_that_is_told_is_still_to_be_quick() -> None:
    assert complaints("-- breaks code before 0042\nALTER TABLE quotes ALTER COLUMN price TYPE text")
