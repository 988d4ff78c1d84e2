"""A bounded memory: what was used last stays, within so many bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

Thing = TypeVar("Thing")

# What an entry costs besides its bytes: its key, its place, its objects. Counted on the safe side.
_OVERHEAD = 1000


class Kept(Generic[Thing]):
    """Things by key, at most `most` bytes of them; those not used for longest go first. Threads may share it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._bytes = 0
        self._things: OrderedDict[Hashable, tuple[Thing, int]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable) -> Thing | None:
        with self._lock:
            found = self._things.get(key)
            if found is None:
                return None
            self._things.move_to_end(key)
            return found[0]

    def keep(self, key: Hashable, thing: Thing, size: int) -> None:
        """Keep it in place of what the key had before; something larger than all room is not kept."""
        size += _OVERHEAD
        with self._lock:
            _, before = self._things.pop(key, (None, 0))
            self._bytes -= before
            if size > self._most:
                return
            self._things[key] = (thing, size)
            self._bytes += size
            while self._bytes > self._most:
                _, (_, gone) = self._things.popitem(last=False)
                self._bytes -= gone

    def __len__(self) -> int:
        return len(self._things)

    @property
    def size(self) -> int:
        """Bytes, with what each entry costs besides its own."""
        return self._bytes
