"""`log_analyzer.py`: what the logs tell, for people, as JSON, by path, as they come."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from greencam.apps import log_insight
from greencam.apps.arguments import above_zero
from greencam.apps.edge import at_the_edge
from greencam.apps.log_follow import follow
from greencam.base.clock import Clock, SystemClock
from greencam.base.errors import EXIT_FAILED, EXIT_OK
from greencam.base.log import one_line
from greencam.logscan import log_files
from greencam.logscan.analysis import Analysis, with_aliases
from greencam.logscan.blocks import Window, stdin_log
from greencam.logscan.insight_text import comparison_lines, incident_lines
from greencam.logscan.moments import iso
from greencam.logscan.progress import Progress
from greencam.logscan.query import value_at
from greencam.logscan.recent import RecentErrors
from greencam.logscan.report_text import Section, report_lines, verdict

RECENT_HOURS = 24.0
_MOST_HOURS = 100 * 366 * 24.0
_LEGACY = "greencam.log"
_OTHER_FOLDER = Path("data") / "logs"


@dataclass(frozen=True)
class Chosen:
    """The logs to look at, and sentences about those that are not there."""

    logs: list[log_files.Log]
    missing: list[str]


def main(argv: list[str] | None = None) -> int:
    """Analyse; exit 0, 1 when a log that was named or all of them can't be read, 2 for a wrong word."""
    parser = _parser()
    wish = parser.parse_args(sys.argv[1:] if argv is None else argv)
    if wish.follow and (wish.json or wish.hours):
        parser.error("--follow prints new lines as they come: without --json and --hours")
    return at_the_edge(lambda: _analyse(wish))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="log_analyzer.py",
        description="What the logs tell: errors by kind, connections, hours, performance. Reads rotated and "
        "compressed files too, and logs of other programs.",
        epilog="Without --file: every log in logs/, and in data/logs/ if it is there.",
    )
    parser.add_argument("--file", action="append", metavar="F", help="this log; may be repeated; - is the input")
    parser.add_argument("--hours", type=_hours, metavar="N", help="only the last N hours, such as 6 or 0.5")
    parser.add_argument("--json", action="store_true", help="as JSON")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--recent-errors", action="store_true", help="only errors, a line each, of the last 24 hours")
    what.add_argument("--query", metavar="PATH", help="one value of the JSON, such as .logs/errors.log.error_types")
    what.add_argument("--incidents", action="store_true", help="only the incidents, with what came before each")
    what.add_argument("--compare", action="store_true", help="the last 24 hours against the same of last week")
    what.add_argument("--html", type=Path, metavar="FILE", help="a report with charts for the browser")
    what.add_argument("--follow", action="store_true", help="new lines of all logs as they come; Ctrl-C ends it")
    return parser


def _hours(text: str) -> float:
    hours = above_zero(text)
    if hours > _MOST_HOURS:
        raise argparse.ArgumentTypeError(f"{text!r} is more than 100 years")
    return hours


def _analyse(wish: argparse.Namespace) -> int:
    clock = SystemClock()
    chosen = _chosen(wish.file)
    for sentence in chosen.missing:
        print(one_line(sentence), file=sys.stderr)
    if not chosen.logs:
        return EXIT_FAILED
    if wish.follow:
        return follow(chosen.logs, clock)
    hours = wish.hours or (RECENT_HOURS if wish.recent_errors else None)
    window = Window(clock.wall() - hours * 3600) if hours else Window()
    progress = Progress(_size_bytes(chosen.logs), sys.stderr, clock)
    analysis = Analysis(chosen.logs, window, progress)
    try:
        if wish.recent_errors:
            _recent(analysis, progress, hours or RECENT_HOURS, as_json=wish.json)
        elif wish.compare:
            comparison = log_insight.compared(chosen.logs, hours, clock.wall(), progress)
            progress.end()
            print(json.dumps(comparison, indent=1) if wish.json else "\n".join(comparison_lines(comparison)))
            return EXIT_FAILED if chosen.missing else EXIT_OK
        else:
            sections = log_insight.sections(charts=wish.html is not None)
            analysis.run([section.collector for section in sections])
            report = _report(analysis, sections, hours, clock)
            if wish.html is not None:
                report["comparison"] = log_insight.compared(chosen.logs, hours, clock.wall(), progress)
            progress.end()
            _show(report, sections, wish)
    finally:
        progress.end()
    read = any(facts["lines"] for facts in analysis.logs().values()) or not analysis.troubles.result()
    return EXIT_FAILED if chosen.missing or not read else EXIT_OK


def _chosen(names: Sequence[str] | None) -> Chosen:
    """The logs that were named; else those of the folders that logs are in."""
    if names:
        found, missing = [], []
        for name in dict.fromkeys(names):
            try:
                path = Path(name)
                found.append(stdin_log() if name == log_files.STDIN else log_files.found(path, name))
            except OSError as error:
                missing.append(f"{name}: {error.strerror or 'no such file'}")
        return Chosen(log_files.once(found), missing)
    from greencam.settings.load import load  # most of the start-up time, and not needed for a named file

    settings = load()
    root = settings.root
    logs = [*log_files.in_folder(settings.logs_dir, root), *log_files.in_folder(root / _OTHER_FOLDER, root)]
    if (root / _LEGACY).is_file():
        logs.append(log_files.found(root / _LEGACY, _LEGACY))
    logs = log_files.once(logs)
    none = f"there are no logs in {settings.logs_dir}; greencam writes them while it runs"
    return Chosen(logs, [] if logs else [none])


def _size_bytes(logs: Sequence[log_files.Log]) -> int:
    return sum(part.size_bytes for log in logs for part in log.parts)


def _report(analysis: Analysis, sections: Sequence[Section], hours: float | None, clock: Clock) -> dict[str, Any]:
    summary, troubles = analysis.summary(), analysis.troubles.result()
    since = iso(clock.wall() - hours * 3600) if hours else None
    return {
        **with_aliases(analysis.logs()),
        "generated": iso(clock.wall()),
        "window": {"hours": hours, "since": since},
        "verdict": verdict(summary, troubles),
        "summary": summary,
        **{section.name: section.collector.result() for section in sections},
        "troubles": troubles,
    }


def _show(report: dict[str, Any], sections: Sequence[Section], wish: argparse.Namespace) -> None:
    if wish.query is not None:
        value = value_at(report, wish.query)
        print(json.dumps(value, indent=1) if wish.json or not isinstance(value, str) else one_line(value))
    elif wish.html is not None:
        print(log_insight.write_page(wish.html, report))
    elif wish.incidents:
        incidents = report["incidents"]
        print(json.dumps(incidents, indent=1) if wish.json else "\n".join(incident_lines(incidents)))
    elif wish.json:
        print(json.dumps(report, indent=1))
    else:
        print("\n".join(report_lines(report, sections)))


def _recent(analysis: Analysis, progress: Progress, hours: float, *, as_json: bool) -> None:
    recent = RecentErrors()
    for batch in analysis.entries():
        for entry in batch:
            for line in recent.lines(entry):
                if not as_json:
                    progress.end()
                    print(line)
    progress.end()
    if as_json:
        found = {**recent.result(), "hours": hours, "troubles": analysis.troubles.result()}
        print(json.dumps(found, indent=1))
        return
    for line in recent.rest():
        print(line)
    troubles = analysis.troubles.result()
    if analysis.summary()["lines"] or not troubles:
        print(f"{recent.count:,} errors, issues and lost connections in the last {hours:g} hours")
    for trouble in troubles:
        print(one_line(f"{trouble['log']}: {trouble['what']} ({trouble['count']} times)"), file=sys.stderr)


if __name__ == "__main__":
    raise SystemExit(main())
