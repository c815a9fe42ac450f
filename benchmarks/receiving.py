"""The consuming side of a measurement: every frame's number and wholeness are checked, then it counts."""

from __future__ import annotations

import time
from typing import Any

from benchmarks import stamp
from benchmarks.jobs import Job, Window
from benchmarks.measure import percentile
from benchmarks.peers import Receiver
from greencam.base.errors import CorruptFrame
from greencam.base.place import redis_socket
from greencam.bus.link import RedisTarget
from greencam.client.feed import Feed
from greencam.client.places import Places
from greencam.frame import counter
from greencam.frame.picture import Pixels

_DRAIN_NS = 300_000_000  # what is still under way at the end of the window is waited for, not counted
_WAIT_S = 0.1


class Count:
    """What one consumer saw: whole frames inside the window, holes in the numbers, latencies in ms."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._cpu_ns = self._cpu_end_ns = 0
        self.frames = self.torn = self.received = self.first = self.last = 0
        self.latencies_ms: list[float] = []

    def note(self, number: int, sent_ns: int, now_ns: int, *, whole: bool) -> None:
        """One frame that was received at now_ns and has been checked."""
        self.first = self.first or number
        self.last = max(self.last, number)
        if not whole:
            self.torn += 1
            return
        self.received += 1
        if self._window.count_ns <= now_ns < self._window.end_ns:
            if not self.frames:
                self._cpu_ns = time.process_time_ns()
            self.frames += 1
            self.latencies_ms.append((now_ns - sent_ns) / 1e6)

    def close_window(self) -> None:
        """The window has ended: what is received from now on costs nothing."""
        if not self._cpu_end_ns:
            self._cpu_end_ns = time.process_time_ns()

    def as_dict(self, *, every_latency: bool) -> dict[str, Any]:
        """The same for the parent."""
        self.close_window()
        used_ms = (self._cpu_end_ns - self._cpu_ns) / 1e6
        return {
            "frames": self.frames,
            "received": self.received,
            "fps": self.frames / self._window.counted_s,
            "first": self.first,
            "last": self.last,
            "lost": self.last - self.received - self.torn,
            "torn": self.torn,
            "p50_ms": percentile(self.latencies_ms, 50),
            "p99_ms": percentile(self.latencies_ms, 99),
            "cpu_ms": used_ms / max(1, self.frames - 1),
            "latencies_ms": self.latencies_ms if every_latency else [],
        }


def receive(receiver: Receiver, job: Job, window: Window) -> dict[str, Any]:
    """Take frames until the window and a little drain are over; numbers begin with 1."""
    count = Count(window)
    while (now_ns := time.monotonic_ns()) < window.end_ns + _DRAIN_NS:
        if now_ns >= window.end_ns:
            count.close_window()
        pixels = receiver.receive(_WAIT_S)
        if pixels is None:
            continue
        now_ns = time.monotonic_ns()
        number, sent_ns, again = stamp.read(pixels)
        count.note(number, sent_ns, now_ns, whole=receiver.confirm(number) and again == number)
    return count.as_dict(every_latency=job.latencies)


def follow(job: Job, window: Window, *, decode: bool) -> dict[str, Any]:
    """Read the camera `job.peer` as JPEG over Redis, decode, compare the number in the picture with the header's.

    Without `decode` the JPEG is only taken. The numbers do not begin with 1 here, so `lost` counts from the first
    frame seen.
    """
    folder = job.place.folder
    target = RedisTarget(f"unix://{redis_socket(folder)}", embedded=True)
    count = Count(window)
    with Feed(job.peer, transport="redis", places=Places(folder, target, (job.peer,))) as feed:
        while (now_ns := time.monotonic_ns()) < window.end_ns:
            frame = feed.next_frame(_WAIT_S)
            if frame is None:
                continue
            head = frame.header
            pixels, now_ns = frame.pixels if decode else None, time.monotonic_ns()
            whole = pixels is None or _number(pixels) == head.seq
            count.note(head.seq, head.grabbed_ns, now_ns, whole=whole)
    facts = count.as_dict(every_latency=job.latencies)
    return {**facts, "lost": max(0, facts["lost"] - facts["first"] + 1)}


def _number(pixels: Pixels) -> int:
    try:
        return counter.read(pixels)
    except CorruptFrame:
        return 0
