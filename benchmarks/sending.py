"""The producing side of a measurement: one hot picture, stamped and handed over, paced or as fast as it goes."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from benchmarks import stamp
from benchmarks.jobs import Job, Window
from benchmarks.peers import Sender


def send(sender: Sender, job: Job, window: Window) -> dict[str, Any]:
    """Send through the whole window: frames sent, frames per second, CPU milliseconds per frame."""
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (job.place.height, job.place.width, 3), np.uint8)
    period_ns = int(1e9 / job.fps) if job.fps else 0
    number = counted = 0
    cpu_ns = time.process_time_ns()
    while (now_ns := _next_turn(window.begin_ns + number * period_ns, period_ns)) < window.end_ns:
        if now_ns < window.count_ns:
            counted, cpu_ns = number, time.process_time_ns()
        number += 1
        stamp.write(pixels, number, time.monotonic_ns())
        sender.send(pixels)
    frames = number - counted
    used_ms = (time.process_time_ns() - cpu_ns) / 1e6
    return {"sent": number, "fps": frames / window.counted_s, "cpu_ms": used_ms / max(1, frames)}


def _next_turn(due_ns: int, period_ns: int) -> int:
    """Sleep until a paced turn is due; the time then, in nanoseconds."""
    now_ns = time.monotonic_ns()
    if period_ns and now_ns < due_ns:
        time.sleep((due_ns - now_ns) / 1e9)
        now_ns = time.monotonic_ns()
    return now_ns
