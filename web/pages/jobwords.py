"""What a job's states, notes, events and failures are called, for people. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from core.sources.csv import CSV
from db.jobpage import TaskLine
from db.jobviews import JobView
from web.jobtimeline import timeline

STATES: Mapping[str, str] = {
    "queued": "queued",
    "running": "running",
    "succeeded": "succeeded",
    "partial_success": "partly succeeded",
    "failed": "failed",
    "cancelled": "cancelled",
}
# What a source's share of a job is called in the API, in the same words as the states.
STATUSES: Mapping[str, str] = {**STATES, "success": "succeeded", "error": "failed"}
FOLLOWED: Mapping[str, str] = {
    "retry": "tried again after a pause",
    "wait": "waited as long as the source asked, then tried again",
    "lost": "its worker was gone; given to another",
    "failed": "given up for good",
}
KINDS: Mapping[str, str] = {"all": "all sources", "reprocess": "rebuild"}
_DELIMITERS: Mapping[str, str] = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "blank"}
_MARKS: Mapping[str, str] = {",": "a decimal comma"}
_STEPS: Mapping[str, str] = {"fetch": "Fetching", "normalize": "Merging", "reprocess": "Rebuilding"}
_TASKS: Mapping[str, str] = {"fetch": "fetch", "normalize": "merge", "reprocess": "rebuild"}
_END_OF: Mapping[str, str] = {
    "succeeded": "Succeeded",
    "partial_success": "Ended; a part of it succeeded",
    "failed": "Failed",
    "cancelled": "Cancelled",
}


class Note(NamedTuple):
    """Something that the reader of a source chose."""

    about: str
    text: str


class Event(NamedTuple):
    """A line of the timeline; `tone` is good, bad, warn or "" and `detail` may be empty."""

    at: str
    text: str
    detail: str
    tone: str


def kind_name(kind: str) -> str:
    return KINDS.get(kind, kind)


def task_name(kind: str) -> str:
    return _TASKS.get(kind, kind)


def span(begun: datetime | None, ended: datetime | None) -> str:
    """How long something took, as `0.4 s`, `12 s`, `3 min 4 s`, `2 h 5 min`; empty when it has not ended or begun."""
    if begun is None or ended is None:
        return ""
    return length((ended - begun).total_seconds())


def length(seconds: float) -> str:
    """A length of time in at most two units."""
    seconds = max(0.0, seconds)
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours} h {minutes} min"


def so_far(begun: datetime) -> str:
    """How long something has taken up to now."""
    return length((datetime.now(UTC) - begun).total_seconds())


def clock(moment: str) -> str:
    """The time of day to the tenth of a second, in UTC: what counts in a timeline."""
    at = datetime.fromisoformat(moment).astimezone(UTC)
    return f"{at:%H:%M:%S}.{at.microsecond // 100_000}"


def counted(number: int, one: str = "") -> str:
    """`2,541`, `1 row`, `2,541 rows`."""
    if not one:
        return f"{number:,}"
    return f"{number:,} {one if number == 1 else one + 's'}"


def or_dash(number: int | None) -> str:
    """A count that may not be known yet."""
    return "—" if number is None else counted(number)


def bytes_of(size: int) -> str:
    """`100 MB`, `512 kB`, in units of 1024."""
    for unit, power in (("GB", 30), ("MB", 20), ("kB", 10)):
        if size >= 1 << power:
            return f"{size / (1 << power):.4g} {unit}"
    return counted(size, "byte")


def share(part: Mapping[str, Any]) -> str:
    """What came of a source, in a list: `250`, `1,250, 2 rejected`, `100, then failed`, `queued`."""
    status, rows, rejected = part["status"], part["count"], part["rejected"]
    if not rows and status != "success":
        return STATUSES[str(status)]
    said = [counted(rows)]
    if rejected:
        said.append(f"{counted(rejected)} rejected")
    if status in ("error", "cancelled"):
        said.append(f"then {STATUSES[str(status)]}")
    return ", ".join(said)


def state_of(status: str) -> str:
    """The state whose badge a source's status wears."""
    return {"success": "succeeded", "error": "failed"}.get(status, status)


def standing(task: TaskLine) -> str:
    """What a task is doing or waiting for, if it is open."""
    if task.state == "running":
        return f"with {task.worker}" if task.worker else "at work"
    if task.state != "queued":
        return ""
    if task.not_before is None:
        return "due"
    reason = "the source rests or its budget is spent" if task.asides and not task.waits else "waits before a retry"
    return f"{reason}: goes on"


def asked_for(tasks: Sequence[TaskLine]) -> list[Note]:
    """What was asked of each source: how many coins, which file, which columns. Only fetches are asked for anything."""
    return [Note(task.source, text) for task in tasks if task.kind == "fetch" and (text := _asked(task))]


def _asked(task: TaskLine) -> str:
    said = []
    if task.limit:
        said.append(counted(int(task.limit), "coin") if task.limit.isdigit() else task.limit)
    if task.uploaded:
        said.append(f"the upload “{task.filename}”" if task.filename else "an upload that is no longer kept")
    elif task.source == CSV.name:
        said.append("the file on the server")
    if task.columns:
        said.append("with " + ", ".join(f"{field} from “{header}”" for field, header in task.columns.items()))
    return " ".join(said)


def notes(found: Mapping[str, Any]) -> list[Note]:
    """A source's notes in words. What isn't known here is shown as it stands."""
    said = {**found}
    made = [note for name, words in _NOTES.items() if name in said and (note := words(said.pop(name)))]
    return [*made, *(Note(name.replace("_", " ").capitalize(), str(value)) for name, value in said.items())]


def _columns(columns: Any) -> Note | None:
    return Note("Columns taken", _pairs(columns, "{0} from “{1}”")) if columns else None


def _ignored(names: Any) -> Note | None:
    return Note("Columns not needed", ", ".join(f"“{name}”" for name in names)) if names else None


def _passed_over(columns: Any) -> Note | None:
    return Note("Columns passed over", _pairs(columns, "“{0}” {1}", "; ")) if columns else None


def _pairs(values: Any, form: str, between: str = ", ") -> str:
    return between.join(form.format(*pair) for pair in values.items()) if isinstance(values, Mapping) else str(values)


def _decimal_marks(marks: Any) -> Note:
    words = {name: _MARKS.get(mark, f"decimal mark: {mark}") for name, mark in marks.items()}
    return Note("Figures", _pairs(words, "{0} with {1}"))


_NOTES: Mapping[str, Callable[[Any], Note | None]] = {
    "columns": _columns,
    "passed_over": _passed_over,
    "ignored": _ignored,
    "delimiter": lambda sign: Note("Fields parted by", _DELIMITERS.get(sign, repr(sign))),
    "decimal_marks": _decimal_marks,
    "dates": lambda order: Note("Dates", f"{order}"),
    "encoding": lambda name: Note("Encoding", str(name).upper() if str(name).startswith("utf") else str(name)),
    "moved_ids": lambda many: Note("Identity", f"{counted(int(many), 'id')} became another coin"),
}


def events(view: JobView) -> list[Event]:
    """The job's timeline in words, the earliest first."""
    return [_event(entry) for entry in timeline(view)]


def _event(entry: Mapping[str, Any]) -> Event:
    name, source = entry["event"], kind_name(str(entry.get("source", "")))
    if name == "created":
        return Event(entry["at"], f"Asked for by {entry['by']}", "", "")
    if name == "cancel requested":
        return Event(entry["at"], "Asked to stop", "", "warn")
    if name.endswith(" attempt failed"):
        text = f"{source}: a {task_name(name.split()[0])} failed, {FOLLOWED.get(entry['followed'], entry['followed'])}"
        return Event(entry["at"], text, entry["detail"], "bad" if entry["followed"] == "failed" else "warn")
    if name in _END_OF:
        tone = {"succeeded": "good", "failed": "bad"}.get(name, "warn")
        return Event(entry["at"], _END_OF[name], "", tone)
    step, _, turn = name.partition(" ")
    doing = _STEPS.get(step, step.capitalize())
    how_many = f" ({counted(entry['tasks'], 'task')})" if turn == "ended" and entry["tasks"] > 1 else ""
    return Event(entry["at"], f"{source}: {doing.lower()} {'began' if turn == 'started' else turn}{how_many}", "", "")


def chances(view: JobView) -> Iterator[str]:
    """What can be done with a job now: cancel, retry."""
    if view.head.finished_at is None:
        if view.head.cancel_requested_at is None:
            yield "cancel"
    elif any(part.failed or part.cancelled for part in view.parts):
        yield "retry"
