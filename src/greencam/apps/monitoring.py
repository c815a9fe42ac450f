"""monitoring.py: the state of the logs at a glance, or what they tell as it comes."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

from greencam.apps.edge import at_the_edge
from greencam.base.clock import Clock, SystemClock
from greencam.base.errors import EXIT_OK, Refused
from greencam.base.files import read_json
from greencam.base.lock import holder
from greencam.base.log_files import ERRORS, MAIN, PERFORMANCE, log_files
from greencam.base.place import log_counts_path
from greencam.settings.load import load
from greencam.settings.model import Settings
from greencam.supervise.supervisor import LOCK_FILE

_WIDTH = 80
_FOLLOWED_LINES = "20"


def main(argv: list[str] | None = None) -> int:
    """Tell; exit 0, 2 for a wrong word or logs that may not be read, 78 for wrong settings."""
    parser = argparse.ArgumentParser(
        prog="monitoring.py",
        description="The state of the logs: files and sizes, issues, connections, lines that were lost.",
        epilog="What is in the logs: log_analyzer.py; whether all is well: health_check.py.",
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="the same as JSON")
    how.add_argument("--follow", action="store_true", help="the newest lines of the main log, and those that come")
    options = parser.parse_args(sys.argv[1:] if argv is None else argv)
    return at_the_edge(lambda: _tell(options, SystemClock()))


def _tell(options: argparse.Namespace, clock: Clock) -> int:
    settings = load()
    if options.follow:
        return _follow(settings.logs_dir / MAIN)
    facts = state_of_logs(settings, clock)
    print(json.dumps(facts, indent=2) if options.json else _text(facts, clock.wall()))
    return EXIT_OK


def _follow(path: Path) -> int:
    """Become tail(1), which goes on through rotations; a log that does not exist yet is waited for."""
    tail = shutil.which("tail")
    if tail is None:
        raise Refused("--follow needs the command tail (coreutils)")
    sys.stdout.flush()
    os.execv(tail, [tail, "-n", _FOLLOWED_LINES, "-F", str(path)])


def state_of_logs(settings: Settings, clock: Clock) -> dict[str, Any]:
    """The files now, and what the suite's log has counted since its start; `running`: whether it still does."""
    folder, now_s = settings.logs_dir, clock.wall()
    ours = log_files(folder) if folder.is_dir() else []
    names = [MAIN, ERRORS, PERFORMANCE, *(path.name for path in ours if path.suffix == ".jsonl")]
    counts = read_json(log_counts_path(settings.runtime_dir))
    return {
        "folder": str(folder),
        "size_bytes": sum(_size_bytes(path) for path in ours),
        "limit_bytes": settings.machine.log_folder_max_mb << 20,
        "files": [_file(folder / name, ours, now_s) for name in names],
        "running": holder(settings.runtime_dir / LOCK_FILE) is not None,
        "counts": counts if isinstance(counts, dict) else None,
    }


def _file(path: Path, ours: list[Path], now_s: float) -> dict[str, Any]:
    old = [one for one in ours if one.name.startswith(f"{path.name}.")]
    there = path in ours
    return {
        "name": path.name,
        "size_bytes": _size_bytes(path) if there else None,
        "written_s_ago": round(max(0.0, now_s - path.stat().st_mtime), 1) if there else None,
        "rotated": len(old),
        "rotated_bytes": sum(_size_bytes(one) for one in old),
    }


def _size_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # rotated away meanwhile
        return 0


def _text(facts: dict[str, Any], now_s: float) -> str:
    limit, size = _bytes(facts["limit_bytes"]), _bytes(facts["size_bytes"])
    rows = [f"logs in {facts['folder']}: {size} of at most {limit}"]
    rows += [_file_row(one) for one in facts["files"]]
    return "\n".join([*rows, *_counted(facts["counts"], now_s, running=facts["running"])])


def _file_row(one: dict[str, Any]) -> str:
    if one["size_bytes"] is None:
        return f"  {one['name']:<20} not there yet"
    old = f", {one['rotated']} old ({_bytes(one['rotated_bytes'])})" if one["rotated"] else ""
    return f"  {one['name']:<20} {_bytes(one['size_bytes']):>9}, written {_ago(one['written_s_ago'])} ago{old}"


def _counted(counts: dict[str, Any] | None, now_s: float, *, running: bool) -> list[str]:
    if counts is None:
        return ["the suite has not run since this machine started, so nothing is counted"]
    lines = counts["lines"]
    errors = lines.get("ERROR", 0) + lines.get("CRITICAL", 0)
    lost = sum(counts["dropped"].values()) + counts["unwritten"]
    whose = "the suite runs" if running else "the suite does not run; what the last one counted"
    rows = [
        f"{whose}, since {_at(counts['since'], now_s)}",
        f"  lines        {sum(lines.values())}: {errors} errors, {lines.get('WARNING', 0)} warnings; {lost} lost",
        *_wrapped("issues", ", ".join(f"{name} {count}" for name, count in counts["issues"].items()) or "none"),
    ]
    if last := counts["last_issue"]:
        text = f"{_at(last['time'], now_s)} {last['by']} {last['issue_type']}: {last['message']}"
        rows += _wrapped("last issue", text)
    for name, one in sorted(counts["connections"].items()):
        state = "connected" if one["status"] else f"away, {one.get('failures', 0)} failures"
        rows += _wrapped("connection", f"{name}: {state} since {_at(one['since'], now_s)}")
    for name, count in counts["dropped"].items():
        rows += _wrapped("lost", f"{count} lines of {name}")
    return rows


def _wrapped(title: str, text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=f"  {title:<12} ", subsequent_indent=" " * 15)


def _at(at_s: float, now_s: float) -> str:
    """The time of day, with its date when that is not today's."""
    then, now = time.localtime(at_s), time.localtime(now_s)
    return time.strftime("%H:%M:%S" if then[:3] == now[:3] else "%Y-%m-%d %H:%M:%S", then)


def _ago(seconds: float) -> str:
    for unit, unit_s in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * unit_s:
            return f"{seconds / unit_s:.0f} {unit}"
    return f"{seconds:.0f} s"


def _bytes(size_bytes: int) -> str:
    for unit, unit_bytes in (("GB", 1 << 30), ("MB", 1 << 20), ("kB", 1 << 10)):
        if size_bytes >= unit_bytes:
            return f"{size_bytes / unit_bytes:.1f} {unit}"
    return f"{size_bytes} B"


if __name__ == "__main__":
    raise SystemExit(main())
