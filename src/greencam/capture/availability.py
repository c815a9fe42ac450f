"""How much of the time a camera gave fresh frames, and what each dark second is charged to.

Pure accounting: whoever has a camera's facts calls `note` about once a second with the number of its newest frame
and what it knows of the reason; a second in which the number went up is lit.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import Any

_WINDOW_S = 86_400
UNKNOWN = "unknown"


class Availability:
    """Lit and dark seconds since the beginning, and of the last day.

    Seconds are whole ones of the monotonic clock. A second that nobody called in is charged to the cause of
    the call after it, `unobserved` when that call brings a fresh frame: a process that was stopped could not look.
    """

    def __init__(self, now_s: float) -> None:
        self._second = int(now_s)
        self._seen: object = None
        self._lit = False
        self._cause = UNKNOWN
        self.lit_s = 0
        self.dark_s: Counter[str] = Counter()
        self._recent: deque[str] = deque()  # one cause per second, empty when lit
        self._day: Counter[str] = Counter()  # how often each is in there

    def note(self, now_s: float, newest: object, cause: str = "") -> None:
        """The newest frame's ID at this time, and why none comes if that is known (a failure's cause, a state)."""
        fresh = newest is not None and newest != self._seen
        if int(now_s) > self._second:
            self._close()
            for _ in range(int(now_s) - self._second - 1):
                self._charge("unobserved" if fresh else cause or UNKNOWN)
            self._second = int(now_s)
            self._lit, self._cause = False, UNKNOWN
        self._lit = self._lit or fresh
        self._cause = cause or self._cause
        self._seen = newest

    def _close(self) -> None:
        self._charge("" if self._lit else self._cause)

    def _charge(self, cause: str) -> None:
        self._recent.append(cause)
        self._day[cause] += 1
        if len(self._recent) > _WINDOW_S:
            self._day[self._recent.popleft()] -= 1
        if cause:
            self.dark_s[cause] += 1
        else:
            self.lit_s += 1

    def as_dict(self) -> dict[str, Any]:
        """`share` of lit seconds (None before the first whole one), of the last day and since the beginning."""
        dark_s = sum(self.dark_s.values())
        day = {cause: count for cause, count in self._day.items() if count}
        day_lit_s = day.pop("", 0)
        return {
            "share": _share(self.lit_s, dark_s),
            "lit_s": self.lit_s,
            "dark_s": dict(self.dark_s),
            "day": {"share": _share(day_lit_s, sum(day.values())), "lit_s": day_lit_s, "dark_s": day},
        }


def _share(lit_s: int, dark_s: int) -> float | None:
    return round(lit_s / (lit_s + dark_s), 6) if lit_s + dark_s else None
