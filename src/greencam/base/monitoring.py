"""What guide 1 calls the monitoring system: timings, issues, connections and counters, as lines of the log.

Every function may be called from any thread, hot paths included: nothing here waits, and what comes often is summed
up or counted instead of written. `monitoring.py` passes these on to programs of one's own; docs/guide/logging.md.
"""

from __future__ import annotations

import atexit
import functools
import json
import logging
import os
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from greencam.base.clock import Clock, SystemClock
from greencam.base.log_line import LEVELS, Kind
from greencam.base.stats import Recent

P = ParamSpec("P")
R = TypeVar("R")
_LOGGER = "monitoring"
_SAMPLES = 512
_FIRST_SUMMARY_S = 30.0
_BURST, _REFILL_S = 10, 10.0
_STACK_FRAMES = 12


@dataclass
class _Timing:
    """Durations of one operation since the last summary, in seconds; `slow`: the last call was."""

    began_s: float
    due_s: float
    recent: Recent = field(default_factory=lambda: Recent(_SAMPLES))
    count: int = 0
    total_s: float = 0.0
    max_s: float = 0.0
    slow: bool = False


@dataclass
class _Allowance:
    """How many issues of one type may still be written; counted they all are."""

    left: float
    at_s: float


class Monitor:
    """The counters of one process and the lines about them, in the forms of guide 1, "Log File Structure"."""

    def __init__(self, clock: Clock | None = None, log: logging.Logger | None = None) -> None:
        self._clock = clock or SystemClock()
        self._log = log or logging.getLogger(_LOGGER)
        self._started_s = self._clock.monotonic()
        self._guard = threading.RLock()
        self._timings: dict[str, _Timing] = {}
        self._allowances: dict[str, _Allowance] = {}
        self._issues: Counter[str] = Counter()
        self._connections: dict[str, dict[str, Any]] = {}
        self._last_issue: dict[str, Any] = {}
        self.summary_s = 300.0
        self.slow_s = 1.0

    def perf(self, metric: str, value: Any, unit: str | None = None, **more: Any) -> None:
        """One PERF line; `value` is a figure or a mapping of figures, `more` comes after the guide's keys."""
        facts = {"metric": metric, "value": value, "unit": unit, "timestamp": round(self._clock.wall(), 3)}
        self._say(Kind.PERF, {**facts, "uptime": self._uptime_s(), **more}, logging.INFO)

    def connection(self, service: str, status: bool, /, **details: Any) -> None:
        """One CONNECTION line; counts failures in a row. For changes, and for looks at long intervals."""
        with self._guard:
            before = self._connections.get(service, {"failures": 0})
            failures = 0 if status else before["failures"] + 1
            self._connections[service] = {"status": bool(status), "failures": failures}
        facts = {"service": service, "status": bool(status), "details": {"failures": failures, **details}}
        self._say(
            Kind.CONNECTION, {**facts, "uptime": self._uptime_s()}, logging.INFO if status else logging.WARNING
        )

    def issue(self, issue_type: str, message: str, severity: str = "WARNING", /, **context: Any) -> int:
        """One ISSUE line with the context, the state of the system and the exception in flight; the type's count.

        Of one type at most ten come at once and then one every ten seconds; the count tells of the others.
        """
        if severity not in LEVELS:
            raise ValueError(f"severity {severity!r} is none of {', '.join(LEVELS)}")
        with self._guard:
            self._issues[issue_type] += 1
            count = self._issues[issue_type]
            said = self._allowed(issue_type)
        if said:
            facts = {"issue_type": issue_type, "message": message, "severity": severity, "count": count}
            facts |= {"uptime": self._uptime_s(), "context": {**context, **_error_in_flight(), **_system()}}
            self._last_issue = {**facts, "timestamp": round(self._clock.wall(), 3)}
            self._say(Kind.ISSUE, facts, logging.getLevelName(severity), str(context.get("frame", "")))
        return count

    def failed(self, log: logging.Logger, text: str, /, *words: Any, frame: str = "") -> None:
        """Tell of the exception that is being handled: its traceback, and an issue `function_failure`.

        `frame` is the id of the frame that it is about, if any.
        """
        log.error(text, *words, exc_info=sys.exc_info(), stacklevel=2, extra={"frame": frame})
        self.issue("function_failure", text % words, "ERROR", **({"frame": frame} if frame else {}))

    def timed(self, operation: str, slow_s: float | None = None) -> Timed:
        """A decorator, or a context for `with`, that measures `OPERATION_duration` in seconds.

        `slow_s`: from when on a call is an issue `slow_function`, SLOW_CALL_S without it, 0 for never.
        """
        return Timed(self, operation, slow_s)

    def measured(self, operation: str, took_s: float, slow_s: float | None = None) -> None:
        """The same for a time that is known; every `summary_s` one PERF line, the median with its company."""
        now_s = self._clock.monotonic()
        limit_s = self.slow_s if slow_s is None else slow_s
        with self._guard:
            timing = self._timings.get(operation)
            if timing is None:
                first_s = min(_FIRST_SUMMARY_S, self.summary_s)
                timing = self._timings[operation] = _Timing(now_s, now_s + first_s)
            timing.recent.add(took_s)
            timing.count += 1
            timing.total_s += took_s
            timing.max_s = max(timing.max_s, took_s)
            was_slow, timing.slow = timing.slow, 0 < limit_s < took_s
            told = self._summary(operation, timing, now_s) if now_s >= timing.due_s else None
        if told is not None:
            self.perf(**told)
        if timing.slow and not was_slow:
            text = f"{operation} took {took_s:.2f} s, more than {limit_s:g} s"
            self.issue("slow_function", text, "WARNING", operation=operation, duration_s=round(took_s, 4))

    def flush(self) -> None:
        """Write the summaries of what was measured since the last ones."""
        now_s = self._clock.monotonic()
        with self._guard:
            told = [self._summary(name, timing, now_s) for name, timing in self._timings.items() if timing.count]
        for one in told:
            self.perf(**one)

    def counters(self) -> dict[str, Any]:
        """Issues by type, connections with failures in a row, the last issue, seconds since the start."""
        with self._guard:
            return {
                "issues": dict(self._issues),
                "connections": {name: dict(one) for name, one in self._connections.items()},
                "last_issue": dict(self._last_issue),
                "uptime": self._uptime_s(),
            }

    def _summary(self, operation: str, timing: _Timing, now_s: float) -> dict[str, Any]:
        """What `perf` is told; a new period begins."""
        median_s, p95_s = (timing.recent.percentile(percent) or 0.0 for percent in (50, 95))
        told = {
            "metric": f"{operation}_duration", "value": round(median_s, 6), "unit": "seconds",
            "count": timing.count, "mean": round(timing.total_s / timing.count, 6), "p95": round(p95_s, 6),
            "max": round(timing.max_s, 6), "period_s": round(now_s - timing.began_s, 1),
        }  # fmt: skip
        timing.recent.clear()
        timing.count, timing.total_s, timing.max_s = 0, 0.0, 0.0
        timing.began_s, timing.due_s = now_s, now_s + self.summary_s
        return told

    def _allowed(self, issue_type: str) -> bool:
        now_s = self._clock.monotonic()
        one = self._allowances.setdefault(issue_type, _Allowance(_BURST, now_s))
        one.left = min(float(_BURST), one.left + (now_s - one.at_s) / _REFILL_S)
        one.at_s = now_s
        if one.left < 1:
            return False
        one.left -= 1
        return True

    def _uptime_s(self) -> float:
        return round(self._clock.monotonic() - self._started_s, 1)

    def _say(self, kind: Kind, facts: Mapping[str, Any], level: int, frame: str = "") -> None:
        text = json.dumps(facts, ensure_ascii=False, default=str)
        place = _caller()
        extra = {"kind": kind, "facts": facts, "told": _for_people(kind, facts), "where": place, "frame": frame}
        self._log.log(level, "%s: %s", kind.upper(), text, extra=extra)


class Timed:
    """See `Monitor.timed`; one object may be entered by several threads and calls at once."""

    def __init__(self, monitor: Monitor, operation: str, slow_s: float | None) -> None:
        self._monitor, self._operation, self._slow_s = monitor, operation, slow_s
        self._began = threading.local()

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """The same function, measured."""

        @functools.wraps(function)
        def measured(*args: P.args, **words: P.kwargs) -> R:
            with self:
                return function(*args, **words)

        return measured

    def __enter__(self) -> None:
        if not hasattr(self._began, "at_s"):
            self._began.at_s = []
        self._began.at_s.append(self._monitor._clock.monotonic())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        took_s = self._monitor._clock.monotonic() - self._began.at_s.pop()
        self._monitor.measured(self._operation, took_s, self._slow_s)


def _caller() -> str:
    """`function:line` of whoever called into this module."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    return f"{frame.f_code.co_name}:{frame.f_lineno}"


def _for_people(kind: Kind, facts: Mapping[str, Any]) -> str:
    if kind is Kind.ISSUE:
        return f"{facts['issue_type']}: {facts['message']}"
    if kind is Kind.CONNECTION:
        return f"{facts['service']} is {'connected' if facts['status'] else 'not connected'}"
    return f"{facts['metric']}: {facts['value']} {facts['unit'] or ''}".rstrip()


def _error_in_flight() -> dict[str, Any]:
    """The exception that is being handled, with its stack."""
    error = sys.exc_info()[1]
    if error is None:
        return {}
    stack = traceback.format_exception(error, limit=-_STACK_FRAMES)
    return {"error": f"{type(error).__name__}: {error}", "stack": "".join(stack).rstrip("\n")}


def _system() -> dict[str, Any]:
    """The state of machine and process, as cheap as can be: load, threads, memory of this process in MB."""
    state: dict[str, Any] = {"load": round(os.getloadavg()[0], 2), "threads": threading.active_count()}
    try:
        with open("/proc/self/statm", encoding="ascii") as stream:  # noqa: PTH123 - no Path for one number
            pages = int(stream.read().split()[1])
        state["memory_mb"] = round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)
    except OSError:  # no /proc: a system that is not Linux
        return {"system": state}
    return {"system": state}


_own = Monitor()
atexit.register(_own.flush)  # before the log itself is closed: logging registered earlier
perf, connection, issue, failed, timed, measured, counters = (
    _own.perf, _own.connection, _own.issue, _own.failed, _own.timed, _own.measured, _own.counters,
)  # fmt: skip


def set_up(summary_s: float, slow_s: float) -> None:
    """PERFORMANCE_LOG_INTERVAL and SLOW_CALL_S of the settings, for this process."""
    _own.summary_s, _own.slow_s = summary_s, slow_s


def flush() -> None:
    """Write the summaries now: for a process that ends without its atexit functions."""
    _own.flush()
