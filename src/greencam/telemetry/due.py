"""What is due now, of things that each have an interval; decided purely."""

from __future__ import annotations

from collections.abc import Mapping


class Due:
    """Times of several recurring jobs; none is made up for when the machine slept or the caller was late."""

    def __init__(self, intervals_s: Mapping[str, float], now_s: float) -> None:
        """Each job is due first one interval after `now_s`, monotonic seconds; an interval of 0 means never."""
        self._intervals_s = {name: every_s for name, every_s in intervals_s.items() if every_s > 0}
        self._next_s = {name: now_s + every_s for name, every_s in self._intervals_s.items()}

    def take(self, now_s: float) -> tuple[str, ...]:
        """The jobs that are due, each then due again one interval later."""
        due = tuple(name for name, next_s in self._next_s.items() if now_s >= next_s)
        for name in due:
            every_s = self._intervals_s[name]
            late_s = now_s - self._next_s[name]
            self._next_s[name] = now_s + every_s - late_s % every_s
        return due

    def wait_s(self, now_s: float) -> float | None:
        """Seconds until the next job is due; None when there is none."""
        return max(0.0, min(self._next_s.values()) - now_s) if self._next_s else None
