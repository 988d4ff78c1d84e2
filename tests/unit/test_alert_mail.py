"""Alerts by mail: nobody can add a header, and the server's password stays with us."""

from __future__ import annotations

import pytest

from core import logs
from core.errors import BadSettings, GiveUp, Retry
from core.settings import MAIL_ADDRESS, Settings
from workers import mail


def made(subject: str = "[alert] high", recipient: str = "ann@example.com") -> str:
    letter = mail.mail_of("us@example.org", recipient, subject=subject, text="it is", message_id="msg_1")
    return letter.as_string()


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\u2028", "\x0b", "\x00"])
def test_a_subject_can_t_begin_another_header(end: str) -> None:
    lines = made(f"high{end}Bcc: eve@example.com").splitlines()
    assert not [line for line in lines if line.lower().startswith("bcc")]
    assert lines == made("high Bcc: eve@example.com").splitlines() or end == "\r\n"


def test_a_repeat_has_the_same_message_id() -> None:
    assert "Message-ID: <msg_1@example.org>" in made()
    assert made() == made()


@pytest.mark.parametrize("address", ["ann@example.com", "a.b+c@mail.example.org", "x@localhost"])
def test_a_plain_address_is_taken(address: str) -> None:
    assert MAIL_ADDRESS.fullmatch(address)
    assert f"To: {address}" in made(recipient=address)


@pytest.mark.parametrize(
    "address",
    [
        *("", "ann", "@example.com", "ann@", "a b@example.com", "ann@example.com\n", "ann@example.com\r\nBcc: x@y"),
        *("a..b@example.com", ".a@example.com", '"a"@example.com', "Ann <ann@example.com>", "a@b@c", "a@b..c"),
        *("a" * 65 + "@example.com", "a@b.example,c@d.example", "ä@example.com"),
    ],
)
def test_what_is_no_plain_address_is_refused(address: str) -> None:
    assert not MAIL_ADDRESS.fullmatch(address)


def test_the_mail_server_s_password_is_struck_from_logs_and_shown_nowhere() -> None:
    settings = Settings.from_env({"SMTP_URL": "smtps://me:pass%40word@mail.example.com:465"})
    assert {"pass%40word", "pass@word"} <= set(logs.secrets_of(settings))
    assert "pass" not in repr(settings)


def test_a_wrong_mail_setting_is_named_and_not_repeated() -> None:
    for name, value in (
        ("SMTP_URL", "http://me:hidden@mail.example.com"),
        ("ALERT_MAIL_FROM", "not hidden an address"),
    ):
        with pytest.raises(BadSettings) as refusal:
            Settings.from_env({name: value})
        assert name in str(refusal.value)
        assert "hidden" not in str(refusal.value)


def test_a_server_that_is_not_there_is_asked_again() -> None:
    letter = mail.mail_of("us@example.org", "ann@example.com", subject="s", text="t", message_id="msg_1")
    with pytest.raises(Retry) as failure:
        mail.send("smtp://me:hidden@127.0.0.1:1", letter, timeout=1)
    assert not isinstance(failure.value, GiveUp)
    assert "hidden" not in str(failure.value)
