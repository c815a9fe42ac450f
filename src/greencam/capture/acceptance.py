"""Which frames are accepted for which durable consumers, decided purely from the times they were grabbed."""

from __future__ import annotations

from collections.abc import Collection, Mapping


class Acceptance:
    """One frame per `every_s` seconds for each consumer (0 = every frame), the first at or after its time.

    Times are monotonic seconds. A late frame does not shift the schedule; a pause longer than a period does.
    """

    def __init__(self, every_s: Mapping[str, float]) -> None:
        self._every_s = dict(every_s)
        self._next_s = dict.fromkeys(every_s, 0.0)

    def wished(self, now_s: float, consumers: Collection[str]) -> tuple[str, ...]:
        """Those of the consumers that wish for a frame of this time."""
        return tuple(name for name in consumers if now_s >= self._next_s[name])

    def wait_s(self, now_s: float, consumers: Collection[str]) -> float | None:
        """Seconds until one of the consumers wishes for a frame; None without consumers."""
        due = [self._next_s[name] for name in consumers]
        return max(0.0, min(due) - now_s) if due else None

    def in_order(self, consumers: Collection[str]) -> bool:
        """Whether one of the consumers wishes for every frame."""
        return any(self._every_s[name] == 0 for name in consumers)

    def accepted(self, now_s: float, consumers: Collection[str]) -> None:
        """Note that a frame of this time was accepted for these."""
        for name in consumers:
            every_s, due_s = self._every_s[name], self._next_s[name]
            self._next_s[name] = due_s + every_s if now_s - due_s < every_s else now_s + every_s
