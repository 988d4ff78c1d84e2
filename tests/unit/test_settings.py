"""Settings: what stands in the environment, checked, or a sentence that names the variable."""

from __future__ import annotations

import pytest

from core.errors import BadSettings
from core.settings import ApiKey, Settings
from core.slots import Slots
from core.sources import check_names


def test_nothing_set_gives_the_real_upstreams_and_a_server_on_loopback() -> None:
    settings = Settings.from_env({})
    assert settings.coingecko_api_url == "https://api.coingecko.com/api/v3"
    assert settings.coinpaprika_api_url == "https://api.coinpaprika.com/v1"
    assert settings.source_priority == {"coingecko": 3, "coinpaprika": 2, "csv": 1}
    assert (settings.host, settings.api_keys, settings.database_url) == ("127.0.0.1", (), None)


def test_an_empty_variable_counts_as_unset() -> None:
    assert Settings.from_env({"PORT": " ", "DATABASE_URL": ""}) == Settings.from_env({})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORT", "70000"),
        ("PORT", "abc"),
        ("PORT", "١٢"),
        ("DATABASE_URL", "mysql://db/x"),
        ("REDIS_URL", "localhost:6379"),
        ("COINGECKO_API_URL", "ftp://example.com"),
        ("COINGECKO_API_URL", "file:///etc/passwd"),
        ("COINPAPRIKA_API_URL", "https://user:hunter2@example.com"),
        ("COINGECKO_API_URL", "https://example.com/api/v3?x_cg_demo_api_key=hunter2"),
        ("BINANCE_API_URL", "https://example.com/api/v3#here"),
        ("STALE_AFTER", "soon"),
        ("STALE_AFTER", "0"),
        ("AUTO_INGEST_ON_STARTUP", "perhaps"),
        ("INGEST_SCHEDULE", "coingecko"),
        ("INGEST_SCHEDULE", "coingecko=often"),
        ("INGEST_SCHEDULE", "coingecko=0.001s"),
        ("INGEST_SCHEDULE", "coingecko=9"),
        ("INGEST_SCHEDULE", "coingecko=400d"),
        ("INGEST_SCHEDULE", "coingecko=5m; coinpaprika=0 26 * * *"),
        ("INGEST_SCHEDULE", "coinpaprika=0 0 30 2 *"),
        ("INGEST_SCHEDULE", "coinpaprika=0 */2 * *"),
        ("INGEST_SCHEDULE", "coingecko=5m 10m"),
        ("INGEST_SCHEDULE", "coingecko=5m,10m"),
        ("INGEST_SCHEDULE", "coingecko=5m; coingecko=10m"),
        ("SOURCE_PRIORITY", "csv=high"),
        ("WRAPPED_ASSETS", "both"),
        ("LOG_FORMAT", "xml"),
        ("API_KEYS", "ann:admin"),
        ("API_KEYS", "ann:king:secret-secret"),
        ("API_KEYS", "ann:admin:short"),
        ("READ_ACCESS", "closed"),
        ("SECRET_KEY", "short"),
        ("TRUSTED_PROXIES", "everyone"),
        ("TRUSTED_PROXIES", "12"),
        ("RATE_LIMIT_PER_MINUTE", "-1"),
    ],
)
def test_a_wrong_value_is_refused_with_a_sentence_that_names_the_variable(variable: str, value: str) -> None:
    with pytest.raises(BadSettings, match=variable) as refused:
        Settings.from_env({variable: value})
    assert "hunter2" not in str(refused.value)


def test_a_secret_shows_up_neither_in_an_error_nor_in_the_settings_text() -> None:
    with pytest.raises(BadSettings) as caught:
        Settings.from_env({"API_KEYS": "ann:king:hunter2hunter2"})
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(Settings.from_env({"API_KEYS": "ann:admin:hunter2hunter2"}))


def test_keys_schedules_and_lengths_of_time_are_read() -> None:
    settings = Settings.from_env(
        {
            "API_KEYS": "ann:admin:a:b:c:d:e:f, bob:read:12345678",
            "INGEST_SCHEDULE": "coingecko=5m, coinpaprika=1.5h",
            "STALE_AFTER": "90",
        }
    )
    assert settings.api_keys == (ApiKey("ann", "admin", "a:b:c:d:e:f"), ApiKey("bob", "read", "12345678"))
    assert settings.ingest_schedule == {"coingecko": Slots(every=300), "coinpaprika": Slots(every=5400)}
    assert settings.stale_after == 90


@pytest.mark.parametrize(
    "text",
    [
        "coingecko=5m; coinpaprika=0,30 */2 * * MON-FRI",
        "coingecko=5m, coinpaprika=0,30  */2 * * MON-FRI",
        "coinpaprika = 0,30 */2 * * MON-FRI ,coingecko=5m,",
        "coinpaprika=0,30 */2 * * MON-FRI;coingecko=300;",
    ],
)
def test_a_schedule_s_time_is_an_interval_or_a_cron_expression_with_commas_of_its_own(text: str) -> None:
    assert Settings.from_env({"INGEST_SCHEDULE": text}).ingest_schedule == {
        "coingecko": Slots(every=300),
        "coinpaprika": Slots(cron="0,30 */2 * * MON-FRI"),
    }


def test_no_schedule_is_something_else_than_none_named() -> None:
    assert Settings.from_env({}).ingest_schedule is None
    assert Settings.from_env({"INGEST_SCHEDULE": "None"}).ingest_schedule == {}


def test_no_secret_shows_up_in_the_settings_text() -> None:
    secrets = {
        "DATABASE_URL": "postgresql://u:hunter2@h/d",
        "REDIS_URL": "redis://:hunter2@h",
        "SECRET_KEY": "hunter2" * 5,
        "COINGECKO_API_KEY": "hunter2",
        "COINPAPRIKA_API_KEY": "hunter2",
    }
    assert "hunter2" not in repr(Settings.from_env(secrets))


def test_limits_are_off_where_only_this_machine_asks_unless_they_are_set() -> None:
    assert Settings.from_env({}).reads_per_minute == Settings.from_env({}).writes_per_minute == 0
    beyond = Settings.from_env({"HOST": "0.0.0.0"})  # noqa: S104
    assert (beyond.reads_per_minute, beyond.writes_per_minute) == (1200, 120)
    off = Settings.from_env({"HOST": "0.0.0.0", "RATE_LIMIT_PER_MINUTE": "0", "RATE_LIMIT_WRITES_PER_MINUTE": "7"})  # noqa: S104
    assert (off.reads_per_minute, off.writes_per_minute) == (0, 7)


def test_only_loopback_addresses_count_as_loopback() -> None:
    assert not Settings.from_env({"HOST": "0.0.0.0", "API_KEYS": "ann:admin:12345678"}).listens_on_loopback  # noqa: S104
    for loopback in ("localhost", "127.0.0.2", "::1", "[::1]"):
        assert Settings.from_env({"HOST": loopback}).listens_on_loopback


@pytest.mark.parametrize("variable", ["INGEST_SCHEDULE", "AUTO_INGEST_SOURCES", "SOURCE_PRIORITY"])
def test_a_source_that_there_is_not_is_refused_with_those_that_there_are(variable: str) -> None:
    value = {"INGEST_SCHEDULE": "coingeko=5m", "AUTO_INGEST_SOURCES": "csv,coingeko", "SOURCE_PRIORITY": "coingeko=1"}
    with pytest.raises(BadSettings, match=f"{variable}.*coingeko.*coinpaprika"):
        check_names(Settings.from_env({variable: value[variable]}))


def test_a_platforms_generated_secret_alone_is_an_admins_key() -> None:
    settings = Settings.from_env({"ADMIN_API_KEY": "generated-by-a-platform", "API_KEYS": "bot:ingest:other-secret"})
    assert [(key.name, key.role) for key in settings.api_keys] == [("bot", "ingest"), ("admin", "admin")]
    assert "generated-by-a-platform" not in repr(settings)


def test_an_admins_key_that_is_too_short_is_refused_without_being_repeated() -> None:
    with pytest.raises(BadSettings, match="ADMIN_API_KEY must have at least 8 characters") as refused:
        Settings.from_env({"ADMIN_API_KEY": "hunter2"})
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("rediss://:s@host:6380", "rediss://:s@host:6380?ssl_cert_reqs=none"),
        ("rediss://:s@host:6380/0?timeout=1", "rediss://:s@host:6380/0?timeout=1&ssl_cert_reqs=none"),
        ("redis://host:6379", "redis://host:6379"),
    ],
)
def test_a_self_signed_redis_is_taken_when_told_so(given: str, taken: str) -> None:
    assert Settings.from_env({"REDIS_URL": given, "REDIS_TLS_VERIFY": "off"}).redis_url == taken
