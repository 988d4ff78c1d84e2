"""TLS in front of a service that speaks plainly, and certificates for it, signed by an authority of the tests' own."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

_PIECE = 2**16
# How a Postgres client asks whether it may speak TLS, or Kerberos' encryption, which isn't to be had.
_TLS_WANTED = bytes.fromhex("0000000804d2162f")
_GSS_WANTED = bytes.fromhex("0000000804d21630")


def openssl() -> str | None:
    return shutil.which("openssl")


@dataclass(frozen=True)
class Certificate:
    """PEM files."""

    chain: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.chain, self.key)
        return context


class Authority:
    """Signs certificates for a day; its own is `root`, which nobody knows but whom it is given to."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._own = Certificate(folder / f"{name}.pem", folder / f"{name}.key")
        self._make(self._own, ["-subj", f"/CN={name}", "-addext", "keyUsage=critical,keyCertSign,cRLSign"])

    @property
    def root(self) -> Path:
        return self._own.chain

    def certificate(self, name: str, address: str = "IP:127.0.0.1") -> Certificate:
        """For this address, as OpenSSL spells it: `IP:127.0.0.1`, `DNS:example.com`."""
        made = Certificate(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        signed = ["-CA", str(self._own.chain), "-CAkey", str(self._own.key)]
        extensions = ["-addext", f"subjectAltName={address}", "-addext", "basicConstraints=critical,CA:FALSE"]
        self._make(made, [*signed, "-subj", f"/CN={name}", *extensions])
        return made

    def _make(self, made: Certificate, options: list[str]) -> None:
        program = openssl()
        assert program
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(made.key)]
        subprocess.run(
            [program, "req", "-x509", "-days", "1", *key, "-out", str(made.chain), *options],
            check=True,
            capture_output=True,
        )


class TlsFront:
    """Listens with TLS on a port of its own, on 127.0.0.1, and passes everything on to `target`. A context manager.

    `postgres` begins as Postgres does, in plain text, and refuses who goes on like that. `served` counts connections.
    """

    def __init__(self, target: int, certificate: Certificate, *, postgres: bool = False) -> None:
        self._target = target
        self._tls = certificate.context()
        self._postgres = postgres
        self._loop = asyncio.new_event_loop()
        self._links: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tls", daemon=True)
        self.served = 0
        self.port = 0

    def __enter__(self) -> TlsFront:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=None if self._postgres else self._tls)

    async def _end(self) -> None:
        self._server.close()
        for link in self._links:
            link.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = self._loop.create_task(self._serve(reader, writer))
        self._links.add(link)
        link.add_done_callback(self._links.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, EOFError):  # a refused certificate is an OSError
                if self._postgres and not await self._begin(reader, writer):
                    return
                there = await asyncio.open_connection("127.0.0.1", self._target)
                self.served += 1
                await asyncio.gather(_pump(reader, there[1]), _pump(there[0], writer))
        finally:
            writer.close()

    async def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        while (asked := await reader.readexactly(len(_TLS_WANTED))) == _GSS_WANTED:
            writer.write(b"N")
        if asked != _TLS_WANTED:
            return False
        writer.write(b"S")
        await writer.start_tls(self._tls)
        return True


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(_PIECE):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()
