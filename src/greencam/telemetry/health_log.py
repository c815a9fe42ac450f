"""The machine's and the connections' state as lines of the log, in the forms of guide 1, "Log File Structure"."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from greencam.base.clock import Clock
from greencam.base.errors import GreencamError
from greencam.base.log import one_line
from greencam.base.monitoring import Monitor
from greencam.health import board
from greencam.health.usage import CpuMeter, disk_percent, memory_percent
from greencam.telemetry.due import Due

_HEALTH, _PERFORMANCE, _CONNECTIONS = "health", "performance", "connections"
_END_S = 0.5


@dataclass(frozen=True)
class Intervals:
    """HEALTH_CHECK_INTERVAL, PERFORMANCE_LOG_INTERVAL and CONNECTION_CHECK_INTERVAL in seconds; 0 is never."""

    health_s: float
    performance_s: float
    connections_s: float


@dataclass(frozen=True)
class Subjects:
    """What is looked at: services by name, a check each that raises GreencamError; a disk; a machine;
    from which percentage on its memory is short (guide 3, SAFEGUARD_THRESHOLDS).
    """

    checks: Mapping[str, Callable[[], object]]
    disk: Path
    root: Path = board.ROOT
    memory_warning_percent: float = 90.0


@dataclass
class _Figures:
    """Samples of one figure since the last line about performance."""

    samples: list[float] = field(default_factory=list)

    def summary(self) -> dict[str, float]:
        """Mean and largest of them."""
        return {"mean": round(sum(self.samples) / len(self.samples), 4), "max": max(self.samples)}


class HealthLog:
    """`tick` says what is due, a thread looks and writes: a disk or server that hangs holds up no caller."""

    def __init__(self, subjects: Subjects, intervals: Intervals, clock: Clock, log: logging.Logger) -> None:
        """`log` gets the lines; it must be safe to use from another thread, as all of logging is."""
        self._subjects, self._clock = subjects, clock
        self._monitor = Monitor(clock, log)
        every = {_HEALTH: intervals.health_s, _PERFORMANCE: intervals.performance_s}
        self._due = Due({**every, _CONNECTIONS: intervals.connections_s}, clock.monotonic())
        self._jobs: queue.SimpleQueue[tuple[str, ...] | None] = queue.SimpleQueue()
        self._busy = threading.Event()
        self._thread: threading.Thread | None = None
        self._cpu = CpuMeter(subjects.root)
        self._figures: dict[str, _Figures] = {}
        self._away: frozenset[str] = frozenset()
        self._memory_high = False
        self._throttled: tuple[str, ...] = ()
        self._late = False

    def tick(self, now_s: float) -> float | None:
        """Have done what is due at monotonic `now_s`; seconds until the next time, None for never. Never waits."""
        due = self._due.take(now_s)
        if due and self._busy.is_set():
            if not self._late:
                self._monitor.issue("thread_timeout", "the last health check has not come back; it is waited for")
            self._late = True
        elif due:
            self._late = False
            self._busy.set()
            self._ensure_thread()
            self._jobs.put(due)
        return self._due.wait_s(now_s)

    def stop(self) -> None:
        """End the thread; one that hangs is left behind."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join(_END_S)
            self._thread = None

    def _ensure_thread(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="health-log", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        work = {_HEALTH: self._health, _PERFORMANCE: self._performance, _CONNECTIONS: self._connections}
        while (due := self._jobs.get()) is not None:
            try:
                for name in due:
                    work[name]()
            except Exception:  # noqa: BLE001 - a service runner: the thread must live, the cause be seen
                self._monitor.issue("system_health_check_failed", "a health check failed", "ERROR")
            finally:
                self._busy.clear()

    def _health(self) -> None:
        """One PERF line of the machine now; an ISSUE line when a Pi begins to throttle."""
        seen = board.read_board(self._subjects.root)
        figures = {
            "cpu_percent": self._cpu.percent(),
            "memory_percent": memory_percent(self._subjects.root),
            "disk_percent": disk_percent(self._subjects.disk),
            "temperature_c": seen.temperature_c,
        }
        for name, figure in figures.items():
            self._sample(name, figure)
        facts = seen.as_dict()
        told = {name: facts[name] for name in ("throttled_now", "throttled_since_boot", "load")}
        value = {**figures, **told, "machine_uptime_s": seen.uptime_s}
        self._monitor.perf("system_health", value)
        self._judge_memory(figures["memory_percent"])
        now = seen.throttle.now if seen.throttle else ()
        fresh = [word for word in now if word not in self._throttled]
        if fresh:
            self._monitor.issue("throttled", f"the Raspberry Pi reports {', '.join(fresh)}", now=list(now))
        self._throttled = now

    def _performance(self) -> None:
        """One PERF line over the whole interval: what the single looks do not show."""
        value = {name: figures.summary() for name, figures in self._figures.items()}
        self._figures.clear()
        self._monitor.perf("performance", value)

    def _connections(self) -> None:
        """A CONNECTION line per service; an ISSUE line when one goes away."""
        for service, check in self._subjects.checks.items():
            begun_s = self._clock.monotonic()
            error = _error_of(check)
            took_s = self._clock.monotonic() - begun_s
            if not error:
                self._sample(f"{service}_check_s", round(took_s, 5))
            elif service not in self._away:
                self._monitor.issue(f"{service}_connection_failed", error)
            self._away = self._away | {service} if error else self._away - {service}
            self._monitor.connection(service, not error, **({"error": error} if error else {}))

    def _judge_memory(self, percent: float | None) -> None:
        """An ISSUE line when memory becomes short, not while it stays so."""
        high = percent is not None and percent >= self._subjects.memory_warning_percent
        if high and not self._memory_high:
            limit = self._subjects.memory_warning_percent
            self._monitor.issue("high_memory", f"{percent:.1f} % of memory are in use, the limit is {limit:g} %")
        self._memory_high = high

    def _sample(self, name: str, figure: float | None) -> None:
        if figure is not None:
            self._figures.setdefault(name, _Figures()).samples.append(figure)


def _error_of(check: Callable[[], object]) -> str:
    try:
        check()
    except GreencamError as error:
        return one_line(str(error)) or type(error).__name__
    return ""
