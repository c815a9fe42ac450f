"""The report for people: what matters first, 80 columns, a metric or an error per line so that grep finds it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from greencam.base.log import one_line
from greencam.logscan.entry import Collector

WIDTH = 80
_MOST_ROWS, _MOST_HOURS, _MOST_OUTAGES = 20, 24, 10
_BAR = 20
_Row = tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """One more part of the report: a collector, its key in the JSON, and its lines for people."""

    name: str
    collector: Collector
    text: Callable[[Mapping[str, Any]], list[str]]


def report_lines(report: Mapping[str, Any], sections: Iterable[Section] = ()) -> list[str]:
    """The whole report; `sections` stand behind the verdict, each with a heading of its own."""
    logs = report["logs"]
    parts = [
        [*_head(report)],
        *(section.text(report[section.name]) for section in sections),
        _counts("ERROR TYPES", report["summary"]["error_types"]),
        _counts("ISSUES", report["summary"]["issue_types"]),
        _logs(logs),
        *(_log(name, facts) for name, facts in logs.items()),
        _troubles(report["troubles"]),
    ]
    lines: list[str] = []
    for part in filter(None, parts):
        lines += [*([""] if lines else []), *part]
    return [cut(line) for line in lines]


def verdict(summary: Mapping[str, Any], troubles: Sequence[Mapping[str, Any]] = ()) -> str:
    """One sentence: how much went wrong, and what most of it was; `troubles` of the reading itself."""
    errors, warnings = summary["errors"], summary["warnings"]
    if not summary["lines"]:
        return "Nothing could be read." if troubles else "Nothing was written in this time."
    if not errors:
        return f"No errors, {_number(warnings, 'warning')}."
    most, count = next(iter(summary["error_types"].items()), ("?", 0))
    kinds = len(summary["error_types"])
    same = "all of one kind" if kinds == 1 else f"of {kinds} kinds"
    share = "" if kinds == 1 else f" ({count} times)"
    return f"{_number(errors, 'error')} {same}, {_number(warnings, 'warning')}. Most often: {most}{share}."


def _head(report: Mapping[str, Any]) -> list[str]:
    summary = report["summary"]
    first, last = moment(summary["first"]), moment(summary["last"])
    window = report["window"]
    asked = f"  (the last {window['hours']:g} h were asked for)" if window.get("hours") else ""
    span = f"{first} to {last}" if summary["first"] else "no line with a time"
    sizes = f"{summary['lines']:,} lines, {size(summary['bytes'])}"
    said = textwrap.wrap(one_line(report["verdict"]), WIDTH)
    return [*said, f"{span}{asked}", f"{sizes}, {summary['unreadable_lines']:,} of them unreadable"]


def _logs(logs: Mapping[str, Any]) -> list[str]:
    rows = [
        (
            one_line(name),
            facts["format"],
            f"{facts['lines']:,}",
            size(facts["bytes"]),
            f"{facts['patterns']['errors']:,}",
            f"{facts['patterns']['warnings']:,}",
            str(len(facts["files"])),
        )
        for name, facts in logs.items()
    ]
    return table(("LOG", "FORM", "LINES", "SIZE", "ERRORS", "WARNINGS", "FILES"), rows)


def _log(name: str, facts: Mapping[str, Any]) -> list[str]:
    parts = [
        _patterns(facts["patterns"]),
        _sources(facts["sources"]),
        _connections(facts["connections"]),
        _performance(facts["performance"]),
        _hours(facts["hourly_activity"]),
    ]
    lines = [line for part in parts for line in part]
    return [one_line(name), *(f"  {line}" for line in lines)] if lines else []


def _patterns(patterns: Mapping[str, int]) -> list[str]:
    found = [f"{name.replace('_', ' ')} {count:,}" for name, count in patterns.items() if count]
    return [f"patterns: {', '.join(found)}"] if found else []


def _sources(sources: Mapping[str, Any]) -> list[str]:
    if set(sources) <= {"(not named)"}:
        return []
    rows = [
        (one_line(name), f"{row['lines']:,}", f"{row['errors']:,}", f"{row['warnings']:,}")
        for name, row in list(sources.items())[:_MOST_ROWS]
    ]
    return [*table(("source", "lines", "errors", "warnings"), rows), *_more(sources, _MOST_ROWS)]


def _connections(services: Mapping[str, Any]) -> list[str]:
    lines = []
    for name, facts in services.items():
        state = "connected" if facts["connected"] else "NOT CONNECTED"
        outages = facts["outage_count"]
        told = f"{_number(outages, 'outage')}, {facts['outage_seconds']:g} s in all" if outages else "no outage"
        longest = f", the longest {facts['longest_outage_seconds']:g} s" if outages > 1 else ""
        lines.append(f"connection {one_line(name)}: {state} at the end; {told}{longest}")
        for outage in facts["outages"][-_MOST_OUTAGES:]:
            end = "and goes on" if outage["end"] is None else ""
            told = f"  {moment(outage['start'])}  {outage['seconds']:g} s {end}  {one_line(outage['error'] or '')}"
            lines.append(told.rstrip())
        lines += _more(facts["outages"], _MOST_OUTAGES, "earlier ones")
    return lines


def _performance(metrics: Mapping[str, Any]) -> list[str]:
    rows = []
    for name, facts in metrics.items():
        slope = facts["slope_per_hour"]
        unit = {"seconds": "s", None: ""}.get(facts["unit"], facts["unit"])
        rows.append(
            (
                one_line(name)[-38:],
                f"{facts['count']:,}",
                *(figure(facts[key]) for key in ("p50", "p95", "max")),
                "-" if slope is None else f"{figure(slope, sign=True)}",
                one_line(unit)[:8],
            )
        )
    return table(("metric", "count", "p50", "p95", "max", "per hour", "unit"), rows)


def _hours(hours: Mapping[str, Any]) -> list[str]:
    shown = list(hours.items())[-_MOST_HOURS:]
    if len(shown) < 2:
        return []
    most = max(row["lines"] for _, row in shown)
    rows = [
        (
            name,
            f"{row['lines']:,}",
            f"{row['errors']:,}",
            f"{row['warnings']:,}",
            "#" * max(1, round(_BAR * row["lines"] / most)),
        )
        for name, row in shown
    ]
    more = _more(hours, _MOST_HOURS, "earlier hours")
    return [*table(("hour", "lines", "errors", "warnings", ""), rows), *more]


def _counts(title: str, counts: Mapping[str, int]) -> list[str]:
    if not counts:
        return []
    width = len(f"{max(counts.values()):,}")
    rows = [f"  {count:>{width},}  {one_line(name)}" for name, count in list(counts.items())[:_MOST_ROWS]]
    return [title, *rows, *_more(counts, _MOST_ROWS)]


def _troubles(troubles: Sequence[Mapping[str, Any]]) -> list[str]:
    if not troubles:
        return []
    lines = ["COULD NOT BE READ AS IT SHOULD"]
    for one in troubles[:_MOST_ROWS]:
        times = f" ({one['count']:,} times)" if one["count"] > 1 else ""
        text = f"{one_line(one['log'])}: {one_line(one['what'])}{times}"
        lines += textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="    ")
    return [*lines, *_more(troubles, _MOST_ROWS)]


def _more(rows: Sequence[Any] | Mapping[str, Any], shown: int, what: str = "more") -> list[str]:
    return [f"  … {len(rows) - shown} {what}: --json has them all"] if len(rows) > shown else []


def table(heads: _Row, rows: Sequence[_Row]) -> list[str]:
    """Columns as wide as their widest entry, figures to the right; nothing without rows."""
    if not rows:
        return []
    widths = [max(len(row[index]) for row in (heads, *rows)) for index in range(len(heads))]
    right = [all(row[index][:1] in "+-0123456789" for row in rows) and index > 0 for index in range(len(heads))]
    return [
        "  ".join(
            word.rjust(width) if to_right else word.ljust(width)
            for word, width, to_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in (heads, *rows)
    ]


def figure(value: float | None, *, sign: bool = False) -> str:
    """A measured value in at most nine letters."""
    if value is None:
        return "-"
    return f"{value:{'+' if sign else ''}.4g}"


def size(size_bytes: float) -> str:
    """Bytes in a unit that people read: `3.2 MB`."""
    for unit in ("B", "KB", "MB"):
        if size_bytes < 1024:
            return f"{size_bytes:.0f} B" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1024
    return f"{size_bytes:.1f} GB"


def moment(iso: str | None) -> str:
    """`2026-11-24 10:30:15` of an ISO time, or a dash."""
    return iso[:19].replace("T", " ") if iso else "-"


def cut(line: str) -> str:
    """At most WIDTH letters."""
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…"


def _number(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"
