"""Every setting, read from a mapping of environment variables into one frozen object.

Nothing happens at import. A wrong value raises BadSettings with a sentence that names the variable.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from core.errors import BadSettings
from core.proxies import Proxies, proxies_of
from core.slots import BadSchedule, Slots, checked_cron, checked_interval

ROLES = ("read", "ingest", "admin")
_SHORTEST_SECRET_KEY = 32
# A dashboard in a few browser tabs asks a few times a second.
_READS_PER_MINUTE = 1200
_WRITES_PER_MINUTE = 120
_SHORTEST_SECRET = 8
# Plain addresses only: no names, quotes or comments, and nothing that could begin another header.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
MAIL_ADDRESS = re.compile(rf"(?=.{{1,64}}@){_ATOM}(?:\.{_ATOM})*@[A-Za-z0-9-]{{1,63}}(?:\.[A-Za-z0-9-]{{1,63}}){{0,8}}")
_SCHEDULE_EXAMPLE = "coingecko=5m; coinpaprika=0 */2 * * *"
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class ApiKey:
    """Who may call, and how far: each role may do what the ones before it in ROLES may."""

    name: str
    role: str
    secret: str = field(repr=False)


def _text(raw: str) -> str:
    return raw


def _flag(raw: str) -> bool:
    if raw.lower() in ("1", "true", "yes", "on"):
        return True
    if raw.lower() in ("0", "false", "no", "off"):
        return False
    raise ValueError("must be true or false")


def _whole(minimum: int, maximum: int) -> Callable[[str], int]:
    def parse(raw: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", raw) or not minimum <= int(raw) <= maximum:
            raise ValueError(f"must be a whole number from {minimum} to {maximum}")
        return int(raw)

    return parse


def _seconds(raw: str) -> float:
    """`90`, `1.5`, `5m`, `2h`, `7d`: a length of time, in seconds when no unit is given."""
    match = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)([smhd]?)", raw)
    if not match or float(match[1]) == 0:
        raise ValueError("must be a length of time above zero such as 30, 5m, 1h or 7d")
    return float(match[1]) * _SECONDS[match[2] or "s"]


def _url(*schemes: str) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        parts = urlsplit(raw)
        if parts.scheme not in schemes or not (parts.hostname or parts.scheme.startswith(("postgres", "unix"))):
            raise ValueError(f"must be a URL beginning with {' or '.join(s + '://' for s in schemes)}")
        if parts.scheme.startswith("http") and "@" in parts.netloc:
            # It would stand in errors and logs; keys have settings of their own.
            raise ValueError("must not hold a user or a password")
        if parts.scheme.startswith("http") and ("?" in raw or "#" in raw):
            raise ValueError(
                "must not have a query or a fragment: paths are added to it, and keys have settings of their own"
            )
        return raw.rstrip("/")

    return parse


def _names(raw: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in raw.split(",") if part.strip())


def _secret(raw: str) -> str:
    if 0 < len(raw) < _SHORTEST_SECRET_KEY:
        raise ValueError(f"must have at least {_SHORTEST_SECRET_KEY} characters, as from `openssl rand -hex 32`")
    return raw


def _choice(*allowed: str) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        if raw.lower() not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return raw.lower()

    return parse


def _keys(raw: str) -> tuple[ApiKey, ...]:
    keys = []
    for number, part in enumerate(_names(raw), 1):
        name, _, rest = part.partition(":")
        role, _, secret = rest.partition(":")
        if not name or role not in ROLES or len(secret) < _SHORTEST_SECRET:
            # The entry itself is not repeated: it holds a secret.
            raise ValueError(
                f"entry {number} must be name:role:secret, with a role out of {', '.join(ROLES)} "
                f"and a secret of at least {_SHORTEST_SECRET} characters"
            )
        keys.append(ApiKey(name, role, secret))
    return tuple(keys)


def _long_enough(raw: str) -> str:
    if 0 < len(raw) < _SHORTEST_SECRET:
        raise ValueError(f"must have at least {_SHORTEST_SECRET} characters")
    return raw


def _mail_address(raw: str) -> str:
    if raw and not MAIL_ADDRESS.fullmatch(raw):
        raise ValueError("must be a mail address such as alerts@example.com")
    return raw


def _unverified(redis_url: str | None) -> str | None:
    """The URL with redis-py's own word for a certificate that isn't checked."""
    if not redis_url or not redis_url.startswith("rediss://"):
        return redis_url
    return redis_url + ("&" if "?" in redis_url else "?") + "ssl_cert_reqs=none"


def _pairs(value: Callable[[str], Any], example: str) -> Callable[[str], dict[str, Any]]:
    def parse(raw: str) -> dict[str, Any]:
        pairs = {}
        for part in _names(raw):
            name, equals, text = part.partition("=")
            if not name.strip() or not equals:
                raise ValueError(f"must look like {example}")
            pairs[name.strip()] = value(text.strip())
        return pairs

    return parse


def _schedule(raw: str) -> dict[str, Slots]:
    """By source. A comma that ends a pair is told from a cron expression's own by the name that follows."""
    if raw.lower() == "none":
        return {}
    found: dict[str, Slots] = {}
    for part in re.split(r";|,(?=\s*\w+\s*=|\s*$)", raw):
        name, equals, text = (each.strip() for each in part.partition("="))
        if not (name or equals):
            continue
        if not equals or name in found:
            raise ValueError(f"must look like {_SCHEDULE_EXAMPLE}, with each source once")
        try:
            found[name] = _slots(text)
        except BadSchedule as error:
            raise ValueError(f"is wrong for {name}: {error}") from None
    return found


def _slots(text: str) -> Slots:
    if len(text.split()) > 1:
        # Whether it ever comes is the same at any time.
        return Slots(cron=checked_cron(text, datetime.fromtimestamp(0, UTC)))
    return Slots(every=checked_interval(_seconds(text)))


def _setting(
    default: str | None,
    parse: Callable[[str], Any],
    help: str,  # noqa: A002
    *,
    secret: bool = False,
) -> Any:
    """A field of Settings: its default as it would stand in the environment (None: unset), its reader, a sentence.

    What is `secret` isn't shown with the other settings.
    """
    return field(repr=not secret, metadata={"default": default, "parse": parse, "help": help})


@dataclass(frozen=True, slots=True)
class Settings:
    """The names below in capitals are the environment variables. Lengths of time are in seconds."""

    database_url: str | None = _setting(
        None, _url("postgres", "postgresql"), "Postgres 16 or newer; unset: embedded", secret=True
    )
    postgres_pooler: str = _setting(
        "none",
        _choice("none", "transaction"),
        "transaction: DATABASE_URL leads through a pooler such as PgBouncer in transaction mode",
    )
    redis_url: str | None = _setting(
        None, _url("redis", "rediss", "unix"), "Redis or Valkey; unset: embedded", secret=True
    )
    redis_tls_verify: bool = _setting("true", _flag, "whether Redis' certificate is checked; Heroku's is self-signed")
    host: str = _setting("127.0.0.1", _text, "address that web listens on; beyond loopback there must be an API key")
    port: int = _setting("8000", _whole(1, 65535), "port that web listens on")
    api_keys: tuple[ApiKey, ...] = _setting("", _keys, "name:role:secret, comma-separated; roles read, ingest, admin")
    admin_api_key: str = _setting(
        "", _long_enough, "one more admin's key, its secret alone, as platforms generate it", secret=True
    )
    read_access: str = _setting("open", _choice("open", "key"), "who may read: anyone, or who has a key")
    secret_key: str = _setting(
        "", _secret, "what browser sessions are signed with; unset: a secret kept in Postgres", secret=True
    )
    session_lifetime: float = _setting("12h", _seconds, "how long a browser stays signed in")
    rate_limit_per_minute: int | None = _setting(
        None, _whole(0, 100_000_000), "reads a minute for a key or an address; 0: no limit; unset: 1200 beyond loopback"
    )
    rate_limit_writes_per_minute: int | None = _setting(
        None, _whole(0, 100_000_000), "writes a minute for a key or an address; 0: no limit; unset: 120 beyond loopback"
    )
    trusted_proxies: Proxies = _setting(  # noqa: RUF009  frozen as well
        "", proxies_of, "whose X-Forwarded-For and -Proto count: how many proxies in front, or their networks"
    )
    coingecko_api_url: str = _setting(
        "https://api.coingecko.com/api/v3", _url("http", "https"), "base URL of CoinGecko's API"
    )
    coingecko_api_key: str = _setting("", _text, "sent as demo or pro key, by the host of the base URL", secret=True)
    coinpaprika_api_url: str = _setting(
        "https://api.coinpaprika.com/v1", _url("http", "https"), "base URL of CoinPaprika's API"
    )
    coinpaprika_api_key: str = _setting("", _text, "optional: the free plan needs none", secret=True)
    binance_api_url: str = _setting(
        "https://api.binance.com/api/v3", _url("http", "https"), "base URL of Binance's API"
    )
    kraken_api_url: str = _setting("https://api.kraken.com/0", _url("http", "https"), "base URL of Kraken's API")
    csv_path: str = _setting("data/crypto_data.csv", _text, "the file that POST /api/v1/ingest/csv reads")
    auto_ingest_on_startup: bool = _setting("false", _flag, "start one ingest job when the program starts")
    auto_ingest_sources: tuple[str, ...] = _setting("csv", _names, "which sources that job ingests")
    all_sources: tuple[str, ...] = _setting(
        "csv,coingecko,coinpaprika", _names, "which sources POST /api/v1/ingest/all fetches"
    )
    ingest_schedule: Mapping[str, Slots] | None = _setting(
        None,
        _schedule,
        "when each source is ingested, one job a slot: an interval from 10s on, or a cron expression in UTC, "
        f"such as `{_SCHEDULE_EXAMPLE}`; none: take away what it said before; unset: leave that as it is",
    )
    source_priority: Mapping[str, int] = _setting(
        "coingecko=3,coinpaprika=2,csv=1",
        _pairs(_whole(0, 1000), "coingecko=3,coinpaprika=2,csv=1"),
        "whose quote wins: the highest number among a coin's fresh quotes; an unnamed source has 0",
    )
    stale_after: float = _setting("1h", _seconds, "a quote this much older than the coin's newest is stale")
    wrapped_assets: str = _setting(
        "fold", _choice("fold", "separate"), "wrapped coins: under the underlying coin, or apart"
    )
    retry_max: int = _setting("3", _whole(0, 20), "retries after a task's first attempt")
    retry_base_delay: float = _setting("2", _seconds, "wait before the first retry; doubles each time")
    retry_max_delay: float = _setting("60", _seconds, "longest wait between retries")
    retry_after_max: float = _setting("15m", _seconds, "longest wait taken over from an upstream's Retry-After")
    coingecko_rate_per_minute: int | None = _setting(
        None,
        _whole(1, 100_000),
        "requests a minute at most; unset: 10 without a key, 30 with a demo key, 250 with a pro",
    )
    coinpaprika_rate_per_minute: int | None = _setting(
        None, _whole(1, 100_000), "requests a minute at most; unset: 10 on the free plan, 60 on a paid one"
    )
    binance_rate_per_minute: int | None = _setting(None, _whole(1, 100_000), "requests a minute at most; unset: 20")
    kraken_rate_per_minute: int | None = _setting(
        None, _whole(1, 100_000), "requests a minute at most; unset: 20, and an ingest takes two"
    )
    breaker_failures: int = _setting(
        "5", _whole(1, 1_000_000), "a source rests when this many fetches in a row failed for good"
    )
    breaker_rest: float = _setting("30s", _seconds, "a source's first rest; doubles with each further failure")
    breaker_rest_max: float = _setting("15m", _seconds, "longest rest of a source")
    http_timeout: float = _setting("30", _seconds, "time limit for one upstream request")
    lease: float = _setting("12", _seconds, "a worker silent for this long loses its task to another")
    worker_processes: int = _setting("2", _whole(1, 64), "worker processes on this machine")
    worker_threads: int = _setting("8", _whole(1, 256), "tasks that one worker process does at a time")
    web_concurrency: int = _setting("2", _whole(1, 64), "web processes on this machine")
    web_threads: int = _setting(
        "8", _whole(1, 256), "requests that one web process answers at a time, beside reads that need no thread"
    )
    answer_cache_bytes: int = _setting(
        "33554432", _whole(0, 2**40), "answers kept ready in each web process; 0: every answer is computed"
    )
    max_event_streams: int = _setting(
        "500", _whole(0, 100_000), "event streams that one web process keeps open; beyond them clients poll"
    )
    max_upload_bytes: int = _setting("104857600", _whole(1, 2**40), "largest CSV upload")
    log_level: str = _setting("info", _choice("debug", "info", "warning", "error"), "how much is logged")
    log_format: str = _setting("text", _choice("text", "json"), "for people, or for machines")
    cors_origins: tuple[str, ...] = _setting("", _names, "origins whose pages may call the API; none by default")
    job_retention: float = _setting("30d", _seconds, "how long ended jobs are kept, with their tasks and errors")
    history_retention: float | None = _setting(None, _seconds, "how long observations are kept; unset: for ever")
    alert_allow_private: bool = _setting(
        "off", _flag, "whether webhooks may go to private, loopback and link-local addresses"
    )
    smtp_url: str | None = _setting(
        None, _url("smtp", "smtps"), "smtp(s)://user:password@host:port for alerts by mail; unset: none", secret=True
    )
    alert_mail_from: str = _setting("", _mail_address, "the sender of alerts by mail")
    raw_batch_retention: float = _setting("7d", _seconds, "how long fetched pages and uploads are kept")

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Read and check every setting; an empty variable counts as unset.

        Raises BadSettings with a sentence that names the variable, never a secret's value.
        """
        values: dict[str, Any] = {}
        for setting in fields(cls):
            variable = setting.name.upper()
            raw = environ.get(variable, "").strip() or setting.metadata["default"]
            try:
                values[setting.name] = None if raw is None else setting.metadata["parse"](raw)
            except ValueError as error:
                raise BadSettings(f"{variable} {error}.") from None
        if values["admin_api_key"]:
            values["api_keys"] += (ApiKey("admin", "admin", values["admin_api_key"]),)
        if not values["redis_tls_verify"]:
            values["redis_url"] = _unverified(values["redis_url"])
        return cls(**values)

    @property
    def pooled(self) -> bool:
        """Whether each transaction may be on another server connection than the one before."""
        return self.postgres_pooler == "transaction"

    @property
    def web_connections(self) -> int:
        """The most that one web process has to Postgres: its pool's, and one that asks for the data's version."""
        return self.web_pool + 1

    @property
    def web_pool(self) -> int:
        """One a thread, and one that feeds the event streams."""
        return self.web_threads + 1

    @property
    def worker_connections(self) -> int:
        """The most of one worker process: one a thread; one each for heartbeat, dispatcher and hand-back."""
        return self.worker_threads + 3

    @property
    def reads_per_minute(self) -> int:
        """For one key or address; 0 when there is no limit."""
        return self._limit(self.rate_limit_per_minute, _READS_PER_MINUTE)

    @property
    def writes_per_minute(self) -> int:
        """For one key or address; 0 when there is no limit."""
        return self._limit(self.rate_limit_writes_per_minute, _WRITES_PER_MINUTE)

    def _limit(self, given: int | None, beyond_loopback: int) -> int:
        """A server that only this machine reaches protects nobody by limits."""
        if given is None:
            return 0 if self.listens_on_loopback else beyond_loopback
        return given

    @property
    def listens_on_loopback(self) -> bool:
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False
