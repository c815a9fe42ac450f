"""Coded frames between the camera and Redis's live readers: bounded by bytes, oldest dropped and counted when full.

What must not be lost takes another way: see durable_spool.py.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from greencam.frame.header import Header


@dataclass(frozen=True, slots=True)
class Entry:
    """One coded frame on its way."""

    header: Header
    payload: bytes


class Spool:
    """A queue of entries that never holds more than `limit_bytes` of payload; any thread may call."""

    def __init__(self, limit_bytes: int, bell: Callable[[], None] = lambda: None) -> None:
        """`bell` is rung when there is something to send."""
        self._limit_bytes, self._bell = limit_bytes, bell
        self._entries: deque[Entry] = deque()
        self._size_bytes = 0
        self._lock = threading.Lock()
        self.dropped = 0

    def put(self, entry: Entry) -> None:
        """Take an entry; the oldest ones go, counted in `dropped`, until it fits."""
        with self._lock:
            self._entries.append(entry)
            self._size_bytes += len(entry.payload)
            while self._size_bytes > self._limit_bytes and len(self._entries) > 1:
                self._size_bytes -= len(self._entries.popleft().payload)
                self.dropped += 1
        self._bell()

    def batch(self, limit: int, limit_bytes: int) -> list[Entry]:
        """The oldest entries, in order, at most `limit` and about `limit_bytes`; they stay until released."""
        chosen: list[Entry] = []
        size_bytes = 0
        with self._lock:
            for entry in self._entries:
                if len(chosen) >= limit or (chosen and size_bytes + len(entry.payload) > limit_bytes):
                    break
                chosen.append(entry)
                size_bytes += len(entry.payload)
        return chosen

    def release(self, through: Header) -> None:
        """Let go of everything up to and including this frame."""
        last = (through.epoch, through.seq)
        with self._lock:
            while self._entries and (self._entries[0].header.epoch, self._entries[0].header.seq) <= last:
                self._size_bytes -= len(self._entries.popleft().payload)

    @property
    def size_bytes(self) -> int:
        """Payload bytes held now."""
        return self._size_bytes

    def __len__(self) -> int:
        return len(self._entries)
