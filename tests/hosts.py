"""Hosts of the tests' own here, each of which can be cut off: what it sends, and what is sent to it, is lost.

With root's rights on Linux each is a network namespace behind a link that can be taken down. Elsewhere a host's way to
each service is a proxy that lets nothing through any more.
"""

from __future__ import annotations

import ctypes
import os
import shlex
import shutil
import socket
import subprocess
import threading
import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit, urlunsplit

from tests.faults.proxy import Proxy

_CLONE_NEWNET = 0x40000000
_MOST_HOSTS = 200


class Hosts(ABC):
    """Named hosts, from which the services on these ports of 127.0.0.1 are reached. A context manager."""

    def __init__(self, names: tuple[str, ...], ports: tuple[int, ...]) -> None:
        self.names = names
        self._ports = ports
        self._undo = ExitStack()

    def __enter__(self) -> Hosts:
        with ExitStack() as undo:
            self._make(undo)
            self._undo = undo.pop_all()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._undo.close()

    def line(self, name: str, line: str, settings: Mapping[str, str]) -> str:
        """A shell line that runs `line` there; URLs of the services among the settings lead to them from there."""
        given = " ".join(f"{key}={shlex.quote(self._from_there(name, value))}" for key, value in settings.items())
        return f"export {given}; {self._there(name, line)}"

    def _from_there(self, name: str, url: str) -> str:
        parts = urlsplit(url)
        if parts.port not in self._ports:
            return url
        user, at, _ = parts.netloc.rpartition("@")
        return urlunsplit(parts._replace(netloc=f"{user}{at}{self._address(name, parts.port)}"))

    @abstractmethod
    def _make(self, undo: ExitStack) -> None:
        """Make them; `undo` hears how they are taken away, whatever happens."""

    @abstractmethod
    def _there(self, name: str, line: str) -> str:
        """The line, run on that host."""

    @abstractmethod
    def _address(self, name: str, port: int) -> str:
        """Where that host reaches this port of ours, as host:port."""

    @abstractmethod
    def cut(self, name: str) -> None:
        """Lose everything between this host and the services; no end is told."""

    @abstractmethod
    def join(self, name: str) -> None:
        """Let it through again."""


class ProxiedHosts(Hosts):
    """Hosts by what they can reach alone."""

    def _make(self, undo: ExitStack) -> None:
        self._proxies = {name: {port: undo.enter_context(Proxy(port)) for port in self._ports} for name in self.names}

    def _there(self, name: str, line: str) -> str:
        assert name in self._proxies
        return line

    def _address(self, name: str, port: int) -> str:
        return f"127.0.0.1:{self._proxies[name][port].port}"

    def cut(self, name: str) -> None:
        for proxy in self._proxies[name].values():
            proxy.stall()

    def join(self, name: str) -> None:
        for proxy in self._proxies[name].values():
            proxy.flow()


class NamespaceHosts(Hosts):
    """Hosts with a network each, and a hub that they reach by a link each. Nothing listens on this machine's network:
    the hub's own is where sockets are that lead to the services."""

    def _make(self, undo: ExitStack) -> None:
        assert len(self.names) < _MOST_HOSTS
        self._mark = f"cq{uuid.uuid4().hex[:6]}"
        self._hub = f"{self._mark}-hub"
        for namespace in (self._hub, *map(self._namespace, self.names)):
            undo.callback(_ip, "netns", "delete", namespace, check=False)
            _ip("netns", "add", namespace)
            _ip("-n", namespace, "link", "set", "lo", "up")
        for name in self.names:
            there, link = self._namespace(name), self._link(name)
            _ip("-n", self._hub, "link", "add", link, "type", "veth", "peer", "name", "up0", "netns", there)
            for where, device, end in ((self._hub, link, 1), (there, "up0", 2)):
                _ip("-n", where, "address", "add", f"{self._network(name)}.{end}/30", "dev", device)
                _ip("-n", where, "link", "set", device, "up")
        self._doors = {port: undo.enter_context(Proxy(port, _listening_in(self._hub))) for port in self._ports}

    def _namespace(self, name: str) -> str:
        return f"{self._mark}-{self.names.index(name)}"

    def _link(self, name: str) -> str:
        return f"to{self.names.index(name)}"

    def _network(self, name: str) -> str:
        return f"10.213.{self.names.index(name)}"

    def _there(self, name: str, line: str) -> str:
        return f"ip netns exec {self._namespace(name)} /bin/sh -c {shlex.quote(line)}"

    def _address(self, name: str, port: int) -> str:
        return f"{self._network(name)}.1:{self._doors[port].port}"

    def cut(self, name: str) -> None:
        _ip("-n", self._hub, "link", "set", self._link(name), "down")

    def join(self, name: str) -> None:
        _ip("-n", self._hub, "link", "set", self._link(name), "up")


def namespaces_refused() -> str | None:
    """Why there can be no network namespaces here; None when there can."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return "network namespaces need root and iproute2"
    try:
        with NamespaceHosts(("probe",), ()) as hosts:
            _run("/bin/sh", "-c", hosts.line("probe", "true", {"X": "x"}))
    except (OSError, subprocess.CalledProcessError):
        return "network namespaces are not allowed here"
    return None


def _listening_in(namespace: str) -> socket.socket:
    """A socket that listens on that network. A thread enters it, and ends there: all others stay where they are."""
    made: list[socket.socket | OSError] = []

    def enter() -> None:
        try:
            with Path("/run/netns", namespace).open("rb") as door:
                libc = ctypes.CDLL(None, use_errno=True)
                if libc.setns(door.fileno(), _CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), f"{namespace} can't be entered")
            made.append(socket.create_server(("", 0), backlog=256))
        except OSError as error:
            made.append(error)

    thread = threading.Thread(target=enter, name=namespace)
    thread.start()
    thread.join()
    if isinstance(made[0], OSError):
        raise made[0]
    return made[0]


def _ip(*arguments: str, check: bool = True) -> None:
    _run("ip", *arguments, check=check)


def _run(*command: str, check: bool = True) -> None:
    subprocess.run(command, check=check, capture_output=True, timeout=30)
