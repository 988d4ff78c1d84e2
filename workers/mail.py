"""Alerts by mail. The server is the operator's own choice; nobody can add to a mail's headers."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import closing, suppress
from email.headerregistry import Address
from email.message import EmailMessage
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

from core.errors import GiveUp, Retry

_PORTS = {"smtp": 25, "smtps": 465}


def mail_of(sender: str, recipient: str, *, subject: str, text: str, message_id: str) -> EmailMessage:
    """A plain mail. A repeat has the same Message-ID, by which mail servers and people can tell it."""
    mail = EmailMessage()
    mail["From"] = Address(addr_spec=sender)
    mail["To"] = Address(addr_spec=recipient)
    # EmailMessage refuses line breaks; other control characters have no place in a subject either.
    mail["Subject"] = "".join(char if char.isprintable() else " " for char in subject)
    mail["Message-ID"] = f"<{message_id}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text)
    return mail


def send(smtp_url: str, mail: EmailMessage, *, timeout: float) -> None:
    """Hand a mail to the server. A password never goes over an open line, but to this machine itself.

    Raises Retry, and GiveUp when the server refuses the mail for good; what is wrong with our own account can be mended
    meanwhile. No message holds the URL or what was said.
    """
    parts = urlsplit(smtp_url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    try:
        if parts.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=timeout, context=ssl.create_default_context())
        else:
            server = smtplib.SMTP(host, port, timeout=timeout)
        # Not `with server`: that fails when the server answers QUIT oddly, though it has taken the mail.
        with closing(server):
            _sign_in(server, host, parts.username, parts.password, secure=parts.scheme == "smtps")
            server.send_message(mail)
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
    except smtplib.SMTPRecipientsRefused as error:
        _refused([code for code, _ in error.recipients.values()])
    except (smtplib.SMTPAuthenticationError, smtplib.SMTPSenderRefused) as error:
        raise Retry(f"the mail server doesn't take mails from us: it refused with {error.smtp_code}") from None
    except smtplib.SMTPResponseException as error:
        _refused([error.smtp_code])
    except (smtplib.SMTPException, OSError):
        raise Retry("the mail server could not be reached, or broke off") from None


def _sign_in(server: smtplib.SMTP, host: str, user: str | None, password: str | None, *, secure: bool) -> None:
    server.ehlo_or_helo_if_needed()
    if not secure and server.has_extn("starttls"):
        server.starttls(context=ssl.create_default_context())
        server.ehlo()
        secure = True
    if user and password:
        if not secure and not _is_this_machine(host):
            raise Retry("the mail server offers no TLS, and a password is not sent without")
        server.login(unquote(user), unquote(password))


def _refused(codes: list[int]) -> None:
    for_good = all(500 <= code < 600 for code in codes)
    sentence = f"the mail server refused with {', '.join(map(str, codes))}"
    raise (GiveUp if for_good else Retry)(sentence)


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
