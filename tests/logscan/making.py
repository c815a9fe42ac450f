"""Lines and logs for tests, in exactly the forms that are documented."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from greencam.logscan.analysis import Analysis
from greencam.logscan.blocks import Window
from greencam.logscan.entry import Entry
from greencam.logscan.log_files import Log, found
from greencam.logscan.scan import Scan
from greencam.logscan.troubles import Troubles

NOON_S = time.mktime((2026, 11, 24, 12, 0, 0, 0, 0, -1))


def stamp(at_s: float) -> str:
    """As Python's logging writes a time."""
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(at_s))},{int(round(at_s % 1, 6) * 1000):03}"


def line(after_s: float, text: str, level: str = "INFO") -> str:
    """A line of camera_system.log, so many seconds after noon."""
    return f"{stamp(NOON_S + after_s)} - camera_system - {level} - {text}"


def perf(after_s: float, metric: str, value: Any, unit: str | None = "seconds") -> str:
    """A line of performance.log."""
    facts = {"metric": metric, "value": value, "unit": unit, "timestamp": NOON_S + after_s, "uptime": after_s}
    return f"{stamp(NOON_S + after_s)} - PERF: {json.dumps(facts)}"


def connection(after_s: float, service: str, connected: bool, error: str = "") -> str:
    """A CONNECTION line of camera_system.log."""
    details = {"failures": 0 if connected else 1, **({"error": error} if error else {})}
    facts = {"service": service, "status": connected, "details": details, "uptime": after_s, "source": "start"}
    return line(after_s, f"CONNECTION: {json.dumps(facts)}")


def issue(after_s: float, kind: str, message: str = "it happened") -> str:
    """An ISSUE line of camera_system.log."""
    facts = {
        "issue_type": kind,
        "message": message,
        "severity": "WARNING",
        "count": 1,
        "uptime": 1.0,
        "context": {},
    }
    return line(after_s, f"ISSUE: {json.dumps({**facts, 'source': 'start'})}", "WARNING")


def written(path: Path, *lines: str) -> Path:
    """A file of these lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{one}\n" for one in lines))
    os.utime(path, (NOON_S + 86400, NOON_S + 86400))
    return path


def log_of(path: Path) -> Log:
    """The log with its predecessors, named by its last name."""
    return found(path, path.name)


def scanned(path: Path, window: Window | None = None) -> tuple[list[Entry], Scan, Troubles]:
    """All entries of a log, what counted them, what went wrong."""
    troubles = Troubles()
    scan = Scan(log_of(path), window or Window(), troubles, lambda _: None)
    return [entry for batch in scan.batches() for entry in batch], scan, troubles


def entries_of(path: Path, window: Window | None = None) -> list[Entry]:
    """All entries of a log."""
    return scanned(path, window)[0]


def analysed(*paths: Path, window: Window | None = None) -> Analysis:
    """These logs, read to the end."""
    analysis = Analysis([log_of(path) for path in paths], window or Window(), lambda _: None)
    analysis.run([])
    return analysis
