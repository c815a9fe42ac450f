"""Times in logs as seconds since 1970; each minute is worked out once, since a log has thousands of lines in it."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

_MOST_KEPT = 10_000
_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTHS = {name: number for number, name in enumerate(_NAMES, 1)}
_DAY_S = 86400.0
_YEAR_3000_S = 32_503_680_000.0
_LOCAL = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d):(\d\d(?:[.,]\d{1,9})?)")


class Minutes(dict[str, float]):
    """`2026-11-24 10:30` in local time → seconds since 1970; raises ValueError for a minute that never was."""

    def __missing__(self, text: str) -> float:
        numbers = (int(text[:4]), int(text[5:7]), int(text[8:10]), int(text[11:13]), int(text[14:16]))
        if len(self) >= _MOST_KEPT:
            self.clear()
        return self.setdefault(text, _local(*numbers))


class Seconds(dict[str, float]):
    """`15,123` → 15.123; raises ValueError for what is no second."""

    def __missing__(self, text: str) -> float:
        value = float(text.replace(",", "."))
        if not 0 <= value < 61:
            raise ValueError(text)
        if len(self) >= _MOST_KEPT:
            self.clear()
        return self.setdefault(text, value)


def _local(year: int, month: int, day: int, hour: int, minute: int) -> float:
    """Seconds since 1970 of a minute in local time; the hour that comes twice a year is the C library's."""
    if hour > 23 or minute > 59 or not 1971 <= year < 3000:
        raise ValueError(f"{hour}:{minute}")
    datetime(year, month, day, tzinfo=UTC)  # mktime would take the 31st of February for the 3rd of March
    try:
        return time.mktime((year, month, day, hour, minute, 0, 0, 0, -1))
    except OverflowError as error:
        raise ValueError(f"the year {year}") from error


def _possible(at_s: float) -> float | None:
    """The time, unless no log can be of it: such times can't be shown in every zone."""
    return at_s if 0 < at_s < _YEAR_3000_S else None


_minutes, _seconds = Minutes(), Seconds()


def of_text(text: str) -> float | None:
    """Seconds since 1970 of an ISO 8601 time or of `2026-11-24 10:30:15,123`; without a zone it is local time.

    None when it is no time.
    """
    found = _LOCAL.fullmatch(text.strip())
    try:
        if found:
            return _minutes[f"{found[1]} {found[2]}"] + _seconds[found[3]]
        moment = datetime.fromisoformat(text.strip().replace(",", "."))
        return _possible(moment.timestamp()) if moment.tzinfo else None
    except (ValueError, OverflowError, OSError):
        return None


def of_number(value: float) -> float | None:
    """Seconds since 1970 of a count of seconds, milli-, micro- or nanoseconds, by its size; None for others."""
    for unit in (1.0, 1e3, 1e6, 1e9):
        if 1e8 <= value / unit < 1e10:  # 1973 to 2286
            return value / unit
    return None


class Yearless:
    """Times of RFC 3164, `Nov 24 10:30:15`, without a year: the newest that is not after the file's last change."""

    def __init__(self, newest_s: float) -> None:
        self._newest_s = newest_s + _DAY_S  # clocks of two machines, a file copied between time zones
        self._known: dict[str, float] = {}

    def __call__(self, text: str) -> float | None:
        """Seconds since 1970, None when it is no time."""
        minute = text[:12]
        at_s = self._known.get(minute)
        try:
            if at_s is None:
                if len(self._known) >= _MOST_KEPT:
                    self._known.clear()
                at_s = self._known[minute] = self._work_out(minute)
            return at_s + _seconds[text[13:]]
        except (ValueError, KeyError):
            return None

    def _work_out(self, minute: str) -> float:
        month, day = _MONTHS[minute[:3]], int(minute[4:6])
        year = time.localtime(self._newest_s).tm_year
        for candidate in range(year, year - 5, -1):  # the 29th of February may be four years ago
            try:
                at_s = _local(candidate, month, day, int(minute[7:9]), int(minute[10:12]))
            except ValueError:
                continue
            if at_s <= self._newest_s:
                return at_s
        raise ValueError(minute)


def iso(at_s: float | None) -> str | None:
    """Local time with its offset, `2026-11-24T10:30:15.123+00:00`, for JSON."""
    if at_s is None:
        return None
    return datetime.fromtimestamp(at_s, UTC).astimezone().isoformat(timespec="milliseconds")


def shown(at_s: float | None) -> str:
    """Local time for people: `2026-11-24 10:30:15`, or a dash."""
    return "-" if at_s is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at_s))
