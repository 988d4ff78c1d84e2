"""All of it: the long run, the mutants that must be caught, and the measured promises of recovery."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from local.postgres import Postgres
from tests.faults import recovery
from tests.faults.recovery import Recovery
from tests.faults.run import LEASE, Outcome, Plan, conduct


@dataclass(frozen=True)
class Mutant:
    """A wrong program, what is done to it, and the invariants of which one must catch it."""

    plan: Plan
    caught_by: tuple[int, ...]


STOP = "SIGSTOP worker past its lease, SIGCONT"
# They run side by side, so each has few clients.
MUTANTS: Mapping[str, Mutant] = {
    # A fetch takes so long that the next holder is still at it when the late one comes back.
    "unfenced": Mutant(
        Plan(
            12,
            1,
            (STOP,),
            "unfenced",
            clients=2,
            latency=1.6,
            slow=1.6,
            gap=LEASE * 1.6,
        ),
        (3, 4),
    ),
    "torn": Mutant(Plan(1, 1, ("messages sent twice",), "torn", clients=2), (3,)),
    "undispatched": Mutant(
        Plan(3, 1, ("FLUSHALL", "upstream 500"), "undispatched", clients=2, gap=0.8, patience=12), (2,)
    ),
}


@contextmanager
def ground() -> Iterator[tuple[Path, Postgres]]:
    """A folder that `nobody` can pass, for whom root runs Postgres, and a Postgres that outlives each program."""
    folder = Path(tempfile.mkdtemp(prefix="crypto-quotes-faults-"))
    folder.chmod(0o711)
    postgres = Postgres(folder / "postgres", durable=False)
    try:
        postgres.start()
        yield folder, postgres
    finally:
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


def is_caught(name: str, outcome: Outcome) -> bool:
    return any(outcome.violations[number] for number in MUTANTS[name].caught_by)


@dataclass(frozen=True)
class Aside:
    """What runs beside each other, since it mostly waits: the mutants' outcomes and the recoveries."""

    mutants: Mapping[str, Outcome]
    recoveries: list[Recovery]


def aside(seed: int, folder: Path, postgres: Postgres) -> Aside:
    with ThreadPoolExecutor(len(MUTANTS) + 1) as pool:
        recoveries: Future[list[Recovery]] = pool.submit(recovery.measured, folder, postgres)
        mutants = {
            name: pool.submit(conduct, replace(mutant.plan, seed=seed), folder, postgres)
            for name, mutant in MUTANTS.items()
        }
        return Aside({name: outcome.result() for name, outcome in mutants.items()}, recoveries.result())
