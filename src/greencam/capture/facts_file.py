"""What a capture process says of itself on its own host: a file in memory, renewed every second, Redis or not.

Light to import: who only asks needs neither numpy nor Redis.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from greencam.base import beat
from greencam.base.clock import Clock
from greencam.base.errors import FrameError
from greencam.base.files import read_json, write_json
from greencam.base.lock import holder
from greencam.base.place import facts_path, lock_path, ring_path
from greencam.frame.ring_peek import newest_header
from greencam.health.freshness import is_stale

PERIOD_S = 1.0
_RENEWED_S = 3.0  # one that is older was left by a capture that hangs
_WRITTEN = "monotonic_s"


def capture_pid(runtime_dir: Path, camera: str) -> int | None:
    """The process that captures this camera on this host, None when none does."""
    return holder(lock_path(runtime_dir, camera))


def read_facts(runtime_dir: Path, camera: str, clock: Clock) -> dict[str, Any] | None:
    """The facts that this host's capture left, None when none runs or it does not renew them: then it hangs."""
    if capture_pid(runtime_dir, camera) is None:
        return None
    facts = read_json(facts_path(runtime_dir, camera))
    if not isinstance(facts, dict):
        return None
    written_s = facts.get(_WRITTEN)
    fresh = isinstance(written_s, int | float) and clock.monotonic() - written_s <= _RENEWED_S
    return facts if fresh else None


def local_facts(runtime_dir: Path, camera: str, clock: Clock) -> dict[str, Any] | None:
    """The facts of this host's capture, with the age of the newest frame as the ring tells it now."""
    facts = read_facts(runtime_dir, camera, clock)
    age_s = frame_age_s(runtime_dir, camera, clock)
    if facts is None or age_s is None:
        return facts
    return {**facts, "frame_age_s": age_s, "stale": is_stale(facts, age_s) or bool(facts.get("frozen"))}


def frame_age_s(runtime_dir: Path, camera: str, clock: Clock) -> float | None:
    """Seconds since the newest frame in the camera's ring on this host, None without one."""
    try:
        head = newest_header(ring_path(runtime_dir, camera))
    except (FileNotFoundError, FrameError):
        return None
    return None if head is None else round((clock.monotonic_ns() - head.published_ns) / 1e9, 3)


class FactsFile:
    """The writing end; a full /dev/shm costs the file, never the capture: who reads it sees that it is old.

    The process's beat is renewed with it, and that needs no room.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._beat = path, path.with_suffix(".beat")
        self._due_s = 0.0

    def renew(self, facts: dict[str, Any], now_s: float) -> None:
        """Replace the file by these facts, as of monotonic time now_s."""
        self._due_s = now_s + PERIOD_S
        beat.renew(self._beat, now_s)
        with suppress(OSError):
            write_json(self._path, facts | {_WRITTEN: now_s})

    def due(self, now_s: float) -> bool:
        """Whether a second has passed since the last time."""
        return now_s >= self._due_s

    def remove(self) -> None:
        """Nobody captures any more."""
        beat.remove(self._beat)
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
