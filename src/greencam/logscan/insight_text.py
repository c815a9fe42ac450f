"""Incidents, kinds of lines and the comparison for the terminal: 80 columns, so that grep finds each fact."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from greencam.base.log import one_line
from greencam.logscan.comparison import changed
from greencam.logscan.report_text import WIDTH, figure, moment
from greencam.logscan.templates import notable
from greencam.logscan.verdicts import lasting, length

_MOST, _MOST_TEMPLATES, _MOST_ROWS = 15, 12, 8


def incident_lines(found: Mapping[str, Any]) -> list[str]:
    """The newest incidents, newest first, each with its verdict and what came before it."""
    if not found["count"] and not found["chronic"] and not found["dark"]:
        return ["INCIDENTS", "  none"]
    lines = [f"INCIDENTS  {found['count']} since {moment(found['since'])}"]
    for one in reversed(found["list"][-_MOST:]):
        lines += _incident(one)
    if found["count"] > _MOST:
        lines.append(f"  … {found['count'] - _MOST} earlier ones: --json or --html FILE")
    if found["chronic"]:
        lines += ["", "KEEPS COMING  one by one, for hours: a condition rather than an incident"]
    for one in found["chronic"][:_MOST_ROWS]:
        told = f"{one['count']} times, about every {lasting(one['every_seconds'])}: {one['template']}"
        lines += _wrapped(told, "  ", "    ")
    return [*lines, *_dark_lines(found["dark"])]


def dark_sentence(one: Mapping[str, Any]) -> str:
    """A camera's hours of black pictures."""
    often = "once" if one["times"] == 1 else f"{one['times']} times"
    still = ", and is now" if one["ongoing"] else ""
    return f"{one['camera']} was black for hours {often}, {lasting(one['longest_seconds'])} at most{still}"


def _dark_lines(found: Sequence[Mapping[str, Any]]) -> list[str]:
    if not found:
        return []
    lines = ["", "DARK FOR HOURS  nights, most likely; or a lens that is covered"]
    for one in found[:_MOST_ROWS]:
        lines += _wrapped(dark_sentence(one), "  ", "    ")
    return lines


def _incident(one: Mapping[str, Any]) -> list[str]:
    known = "" if one["repeat"] == 1 else f"  no. {one['repeat']} of its kind"
    first = "  first of its kind here" if one["repeat"] == 1 else ""
    lines = [f"  {moment(one['start'])}  {length(one)}{known}{first}"]
    lines += _wrapped(one["verdict"], "    ", "    ")
    for text in one["before"]:
        lines += _wrapped(text, "    - ", "      ")
    return lines


def template_lines(found: Mapping[str, Any]) -> list[str]:
    """Kinds of warnings and errors, new ones marked."""
    rows = notable(found)
    if not rows:
        return []
    new = f", {found['new']} of them NEW since {moment(found['new_since'])}" if found["new"] else ""
    lines = [f"KINDS OF WARNINGS AND ERRORS  {len(rows)}{new}"]
    for one in rows[:_MOST_TEMPLATES]:
        mark = "NEW" if one["new"] else ""
        who = f"{one['source']}: " if one["source"] else ""
        lines += _wrapped(
            f"{one['count']:>7,}  {mark:3}  {one['level']:8}  {who}{one['template']}", "  ", " " * 26
        )[:2]
    if len(rows) > _MOST_TEMPLATES:
        lines.append(f"  … {len(rows) - _MOST_TEMPLATES} more: --json has them all")
    return lines


def comparison_lines(found: Mapping[str, Any]) -> list[str]:
    """What is otherwise than last week, or why that can't be told."""
    if found["with"] is None:
        return [*_wrapped(f"COMPARISON  not possible: {found['why']}", "", "  ")]
    now, then = found["now"], found["then"]
    lines = _wrapped(f"COMPARISON  with {found['with']}", "", "  ")
    if found["why"]:
        lines += _wrapped(f"({found['why']})", "  ", "  ")
    for name, one in (("now", now), ("then", then)):
        told = f"{moment(one['begin'])} to {moment(one['end'])}"
        rates = f"{figure(one['errors_per_hour'])} errors, {figure(one['warnings_per_hour'])} warnings an hour"
        lines += [f"  {name:5} {told}", f"        {rates}; lines in {one['covered']:.0%} of the time"]
    for title, key in (("new", "new"), ("gone", "gone"), ("more often", "more")):
        for row in found[key][:_MOST_ROWS]:
            counts = f"{row['now']:,} now, {row['then']:,} then"
            lines += _wrapped(f"{title}: {row['source'] or '-'}: {row['template']} ({counts})", "  ", "    ")
    rows = list(changed(found))
    for row in rows[:_MOST_ROWS]:
        told = f"{row['p50_then']:g} then, {row['p50_now']:g} now ({row['ratio']:.2f} times)"
        lines += _wrapped(f"median of {row['metric']}: {told}", "  ", "    ")
    if not rows:
        lines.append(f"  {len(found['metrics'])} medians compared, none differs by more than 20 %")
    return lines


def _wrapped(text: str, first: str, rest: str) -> list[str]:
    return textwrap.wrap(one_line(text), WIDTH, initial_indent=first, subsequent_indent=rest) or [first]
