"""Every command with its arguments. What it does is imported when it is called: help and completion are to be quick."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from cli import embedded
from cli.program import Commands, Program, command
from core.exporting import FORMATS
from core.settings import ROLES
from core.sources import SOURCES
from db.coins import SORTS, CoinQuery
from db.export import COLUMNS, ExportQuery
from db.orders import ALL

NAME = "quotes"
_MOST = 500
_STATES = ("queued", "running", "succeeded", "partial_success", "failed", "cancelled")
_WAIT = click.option("--wait", is_flag=True, help="Wait for its end; exit code 1 unless it succeeded.")
_JOB = click.argument("job_id", metavar="ID", type=click.IntRange(1, 10**18 - 1))
_OUT = click.option("--out", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="The file to write.")


@click.group(
    cls=Commands, name=NAME, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=embedded.FOLDER,
    help="Where `make run` keeps its services; .local without it.",
)
@click.pass_context
def quotes(context: click.Context, folder: Path) -> None:
    """Crypto quotes from the command line, on the database and Redis that the settings name.

    Without DATABASE_URL and REDIS_URL (environment or .env), those of `make run` on this machine. Exit codes: 0 done,
    1 a failed job or a finding, 2 wrong usage or setting, 3 a service that can't be reached.
    """
    context.ensure_object(Program).folder = folder


@command(quotes, "doctor")
def doctor(program: Program, *, as_json: bool) -> None:
    """Look at everything, and say what to do about what is wrong."""
    from cli.doctor.run import doctor

    doctor(program, as_json=as_json)


@command(quotes, "ingest")
@click.argument("source", type=click.Choice([*SOURCES, ALL]))
@click.option(
    "--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A CSV file here, for SOURCE csv."
)
@click.option("--limit", type=click.IntRange(1, 20_000), help="How many coins; the source's usual number without it.")
@_WAIT
def ingest(program: Program, source: str, file: Path | None, limit: int | None, *, wait: bool, as_json: bool) -> None:
    """Put an ingest of SOURCE on record; workers do it."""
    if file and source != "csv":
        raise click.UsageError("--file goes with the source csv alone.")
    if limit and source == "csv":
        raise click.UsageError("--limit doesn't go with csv: a file is read whole.")
    from cli.ingest import ingest

    ingest(program, source, limit=limit, file=file, wait=wait, as_json=as_json)


@command(quotes, "jobs")
@click.argument("job_id", metavar="[ID]", type=click.IntRange(1, 10**18 - 1), required=False)
@click.option("--state", type=click.Choice(_STATES), help="Only jobs in this state.")
@click.option("--kind", help="Only jobs of this kind: `all`, or a source's name.")
@click.option("--limit", type=click.IntRange(1, _MOST), default=20, show_default=True, help="How many at most.")
def jobs(
    program: Program, job_id: int | None, state: str | None, kind: str | None, limit: int, *, as_json: bool
) -> None:
    """List jobs, the newest first, or show the one of that ID (exit code 1 if it failed)."""
    from cli.jobs import list_jobs, show_job

    if job_id is None:
        list_jobs(program, state=state, kind=kind, most=limit, as_json=as_json)
    elif state or kind:
        raise click.UsageError("--state and --kind go with the list.")
    else:
        show_job(program, job_id, as_json=as_json)


@command(quotes, "cancel")
@_JOB
def cancel(program: Program, job_id: int, *, as_json: bool) -> None:
    """Stop a job: what is queued ends at once, what runs at its next step."""
    from cli.jobs import cancel

    cancel(program, job_id, as_json=as_json)


@command(quotes, "retry")
@_JOB
@_WAIT
def retry(program: Program, job_id: int, *, wait: bool, as_json: bool) -> None:
    """Run the failed parts of a job again, as a new job."""
    from cli.jobs import retry

    retry(program, job_id, wait=wait, as_json=as_json)


@command(quotes, "coins")
@click.argument("search", required=False)
@click.option("--source", help="Only coins whose figures this source won.")
@click.option("--symbol", help="Only coins with exactly this symbol.")
@click.option(
    "--sort",
    metavar="FIELD",
    type=click.Choice([way + name for name in SORTS for way in ("", "-")]),
    default="-market_cap",
    show_default=True,
    help="By which figure or text; - in front for descending.",
)
@click.option("--limit", type=click.IntRange(1, _MOST), default=20, show_default=True, help="How many a page.")
@click.option("--page", type=click.IntRange(1, 10**9), default=1, help="Which page.")
def coins(
    program: Program,
    search: str | None,
    source: str | None,
    symbol: str | None,
    sort: str,
    limit: int,
    page: int,
    *,
    as_json: bool,
) -> None:
    """List coins, or those with SEARCH in symbol, name or id."""
    from cli.coins import list_coins

    query = CoinQuery(
        page=page,
        page_size=limit,
        sort=sort.removeprefix("-"),
        descending=sort.startswith("-"),
        source=source,
        symbol=symbol,
        search=search,
    )
    list_coins(program, query, as_json=as_json)


@command(quotes, "coin")
@click.argument("canonical_id", metavar="ID")
def coin(program: Program, canonical_id: str, *, as_json: bool) -> None:
    """Show a coin with the quotes of all its sources."""
    from cli.coins import show_coin

    show_coin(program, canonical_id, as_json=as_json)


class _Moment(click.ParamType[datetime]):
    """An ISO 8601 time; UTC without an offset."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail("not an ISO 8601 time such as 2026-02-22T20:00:00Z or 2026-02-22", param, ctx)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@command(quotes, "export")
@click.argument("what", type=click.Choice(list(COLUMNS)), default="coins")
@click.option("--format", "name", type=click.Choice(list(FORMATS)), default="csv", show_default=True)
@_OUT
@click.option("--source", help="Coins that this source won; quotes and history of this source.")
@click.option("--symbol", help="Only coins with exactly this symbol.")
@click.option("--search", help="Only coins with this in symbol, name or id.")
@click.option("--from", "begin", type=_Moment(), help="History from this time on.")
@click.option("--to", "until", type=_Moment(), help="History until before this time.")
def export(
    program: Program,
    what: str,
    name: str,
    out: Path | None,
    source: str | None,
    symbol: str | None,
    search: str | None,
    begin: datetime | None,
    until: datetime | None,
    *,
    as_json: bool,
) -> None:
    """Write all coins, quotes or history (WHAT), as of one moment, to a file or standard output."""
    if what != "history" and (begin or until):
        raise click.UsageError("--from and --to go with history alone.")
    if as_json and out is None:
        raise click.UsageError("--json says what was written, and needs --out; for JSON lines, --format jsonl.")
    if name == "parquet" and out is None and sys.stdout.isatty():
        raise click.UsageError("Parquet is nothing for a terminal; name a file by --out.")
    from cli.export import export

    query = ExportQuery(what, source=source, symbol=symbol, search=search, begin=begin, until=until)
    export(program, query, name=name, out=out, as_json=as_json)


@quotes.group("keys")
def keys() -> None:
    """API keys that the database keeps."""


@command(keys, "make")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), required=True, help="How far it reaches.")
def make_key(program: Program, name: str, role: str, *, as_json: bool) -> None:
    """Make a key; its secret is shown this once."""
    from cli.keys import make

    make(program, name, role, as_json=as_json)


@command(keys, "list")
def list_keys(program: Program, *, as_json: bool) -> None:
    """List all keys that were ever made, without their secrets."""
    from cli.keys import show

    show(program, as_json=as_json)


@command(keys, "revoke")
@click.argument("name")
def revoke_key(program: Program, name: str, *, as_json: bool) -> None:
    """Refuse a key from now on."""
    from cli.keys import revoke

    revoke(program, name, as_json=as_json)


@command(quotes, "sample")
@click.option("--coins", type=click.IntRange(1), default=1000, show_default=True, help="How many coins.")
@click.option(
    "--times", type=click.IntRange(1), default=1, show_default=True, help="How many times each, an hour apart."
)
@click.option("--rows", type=click.IntRange(1), help="How many rows, instead of coins and times.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another number, other prices.")
@_OUT
def sample(
    _program: Program, coins: int, times: int, rows: int | None, seed: int, out: Path | None, *, as_json: bool
) -> None:
    """Write a CSV file of made-up quotes, to try things with."""
    if as_json and out is None:
        raise click.UsageError("--json says what was written, and needs --out.")
    from cli.upkeep import sample

    sample(coins=coins, times=times, rows=rows, seed=seed, out=out, as_json=as_json)


@command(quotes, "migrate")
def migrate(program: Program, *, as_json: bool) -> None:
    """Bring the database's schema up to date."""
    from cli.upkeep import bring_up_to_date

    bring_up_to_date(program, as_json=as_json)


@command(quotes, "reprocess")
@_WAIT
def reprocess(program: Program, *, wait: bool, as_json: bool) -> None:
    """Rebuild identity and golden records from the kept quotes, after a change of the rules."""
    from cli.upkeep import rebuild

    rebuild(program, wait=wait, as_json=as_json)
