"""The error tree, sorted by what the caller does next.

    ProjectError
    ├── Retry            the same attempt may succeed later: wait, then try again
    │   └── RateLimited  the upstream named a time; waiting for it costs no attempt
    ├── NotYet           a rule of ours holds the request back: later, at no cost
    │   └── Resting      until its source has rested, whenever that turns out to be
    ├── GiveUp           no repetition helps: the task ends `failed` with this sentence
    ├── BadSettings      the process must not start
    └── Unavailable      a service of ours (Postgres) is away: the client is told to come back

A row that can't be read is no exception: it is a `Rejection` among the parsed rows, so that one bad
row never costs the good ones.
"""


class ProjectError(Exception):
    """Base of all errors raised on purpose; its text is fit to be shown to a client."""


class Retry(ProjectError):
    """Something outside failed in a way that may pass; counts as an attempt."""


class RateLimited(Retry):
    """The upstream asked us to come back later.

    `retry_after` is in seconds; None when the upstream named no (sensible) time, in which case the
    ordinary backoff applies and the attempt counts.
    """

    def __init__(self, message: str, retry_after: float | None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NotYet(ProjectError):
    """A rule of ours holds a request back before it goes out: the source rests, or its rate budget is spent.

    `seconds` from now it is worth another look. While a budget is what is waited for, `at_a_time` requests fit into
    each `apart` seconds; 0 when all may come back at once.
    """

    def __init__(self, message: str, seconds: float, *, at_a_time: int = 1, apart: float = 0.0) -> None:
        super().__init__(message)
        self.seconds = seconds
        self.at_a_time = at_a_time
        self.apart = apart


class Resting(NotYet):
    """The source rests. Any fetch may end or prolong that at any moment: look again when the task is put back."""


class GiveUp(ProjectError):
    """No repetition helps: a refused key, an unreadable file, an answer that isn't quotes."""


class BadSettings(ProjectError):
    """A setting is wrong; the sentence names the variable."""


class Unavailable(ProjectError):
    """Postgres can't be reached now."""
