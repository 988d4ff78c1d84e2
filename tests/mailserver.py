"""A mail server that speaks plainly, goes over to TLS when asked, or begins with it; it may refuse a sign-in."""

from __future__ import annotations

import base64
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class MailServer(socketserver.ThreadingTCPServer):
    """What came is in `mails`, as text; `secure` says of each whether it came by TLS. `heard` has the passwords."""

    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext | None, *, at_once: bool, password: str) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.tls = tls
        self.at_once = at_once
        self.password = password
        self.mails: list[str] = []
        self.secure: list[bool] = []
        self.heard: list[str] = []

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    @property
    def url(self) -> str:
        return f"smtp://{self.address}"


class _Session(socketserver.StreamRequestHandler):
    server: MailServer

    def setup(self) -> None:
        self.secure = False
        super().setup()

    def handle(self) -> None:
        try:
            if self.server.at_once:
                self._go_over_to_tls()
            self._say("220 here")
            while line := self.rfile.readline().decode().strip():
                word, _, rest = line.partition(" ")
                self._answer(word.upper(), rest)
        except OSError:  # the client doesn't trust our certificate, say
            pass
        finally:
            self.finish()
            self.request.close()

    def _answer(self, word: str, rest: str) -> None:
        if word == "EHLO":
            self._say("250-here")
            if self.server.tls and not self.secure:
                self._say("250-STARTTLS")
            self._say("250 AUTH PLAIN")
        elif word == "STARTTLS":
            self._say("220 go on")
            self._go_over_to_tls()
        elif word == "AUTH":
            password = base64.b64decode(rest.removeprefix("PLAIN ")).decode().rpartition("\0")[2]
            self.server.heard.append(password)
            self._say("235 welcome" if password == self.server.password else "535 wrong")
        elif word == "RCPT" and "refused" in rest:
            self._say("550 nobody")
        elif word == "DATA":
            self._say("354 go on")
            self.server.mails.append(b"".join(iter(self.rfile.readline, b".\r\n")).decode())
            self.server.secure.append(self.secure)
            self._say("250 taken")
        else:
            self._say("250 yes")

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def _go_over_to_tls(self) -> None:
        assert self.server.tls
        super().finish()
        self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().setup()
        self.secure = True


@contextmanager
def mail_server(
    tls: ssl.SSLContext | None = None, *, at_once: bool = False, password: str = ""
) -> Iterator[MailServer]:
    """A mail server on a port of its own, for as long as the block runs; `at_once`: as smtps has it."""
    with MailServer(tls, at_once=at_once, password=password) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
