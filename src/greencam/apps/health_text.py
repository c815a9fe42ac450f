"""A health report for people: what is wrong first, then a line per component, at the width that is there."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from greencam.apps.screen import span
from greencam.base.log import one_line, without_secrets
from greencam.telemetry.checks import cameras, delivery, disk_trend, logs, machine, network, processes, redis
from greencam.telemetry.checks.report import Report, Section
from greencam.telemetry.checks.verdict import Check, Verdict, by_severity, worst

_SHORT = {
    processes.COMPONENT: "processes",
    cameras.COMPONENT: "cameras",
    redis.COMPONENT: "redis",
    delivery.COMPONENT: "delivery",
    machine.COMPONENT: "system",
    disk_trend.COMPONENT: "disk",
    logs.FILES: "logs",
    logs.RECENT: "errors",
    network.COMPONENT: "network",
}
ALIASES = {short: name for name, short in _SHORT.items()}
_LONGEST_LINE = 110
_TITLE = 11
_MB = 1 << 20
_BAD = {Verdict.WARNING, Verdict.CRITICAL}
Facts = Mapping[str, Any]


def lines(report: Report, width: int) -> list[str]:
    """The whole report."""
    width = min(width, _LONGEST_LINE)
    bad = [check for check in by_severity(report.checks) if check.verdict in _BAD]
    told = _wrapped(_headline(report, len(bad)), width, 2) + ([""] if bad else [])
    for check in bad:
        told += _wrapped(f"{check.verdict.upper():8}  {_subject(check)}{check.reason}", width, 10)
    if bad:
        told.append("")
    for name, section in report.sections.items():
        told += _wrapped(f"  {_SHORT[name]:{_TITLE}}{_summary(name, section)}", width, 2 + _TITLE)
    return told


def _headline(report: Report, bad: int) -> str:
    time = datetime.fromtimestamp(report.wall_s).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    looked = f"{len(report.checks)} checks in {report.took_s:.2f} s"
    if not bad:
        return f"all is well: {looked}, {time}"
    critical = sum(check.verdict is Verdict.CRITICAL for check in report.checks)
    warnings = bad - critical
    counts = [f"{critical} critical"] if critical else []
    counts += [f"{warnings} warning{'' if warnings == 1 else 's'}"] if warnings else []
    return f"NOT WELL: {', '.join(counts)} ({looked}, {time})"


def _subject(check: Check) -> str:
    """What the reason is about, unless it says so itself."""
    name = check.name if check.component != redis.COMPONENT else f"redis {check.name}"
    return f"{name}: "


def _wrapped(text: str, width: int, indent: int) -> list[str]:
    return textwrap.wrap(
        one_line(without_secrets(text)),
        width,
        subsequent_indent=" " * indent,
        break_long_words=True,
        break_on_hyphens=False,
    )


def _summary(name: str, section: Section) -> str:
    bad = [check for check in section.checks if check.verdict in _BAD]
    told = _WORDS[name](section)
    verdict = worst(section.checks)
    return f"{told} [{verdict}]" if bad else told


def _process_words(section: Section) -> str:
    supervisor = section.facts["supervisor"]
    if supervisor["pid"] is None:
        return "greencam does not run"
    running = sum(one["pid"] is not None for one in supervisor["processes"])
    up = f", up {span(supervisor['uptime_s'])}" if supervisor["uptime_s"] is not None else ""
    return f"supervisor {supervisor['pid']} and {running} of {len(supervisor['processes'])} others run{up}"


def _camera_words(section: Section) -> str:
    return "; ".join(_one_camera(name, one, section) for name, one in section.facts["cameras"].items()) or "none"


def _one_camera(name: str, facts: Facts, section: Section) -> str:
    rate = next((check for check in section.checks if check.name == f"{name} rate"), None)
    age_s = facts["frame_age_s"]
    if not isinstance(age_s, int | float):
        return f"{name} gives no frames"
    words = [f"{name} {facts['state']}"]
    if rate is not None and rate.value is not None:
        words.append(rate.reason.partition(",")[0])
    return ", ".join([*words, f"newest frame {age_s:.2f} s old, score {facts['health_score']}"])


def _redis_words(section: Section) -> str:
    facts = section.facts
    if not facts["connected"]:
        return f"{facts['address']}: not connected"
    words = [f"{facts['address']}", f"{facts['latency_ms']:.1f} ms"]
    if facts.get("memory_bytes") is not None:
        limit = facts.get("memory_limit_bytes")
        words.append(f"{facts['memory_bytes'] / _MB:.0f}{f' of {limit / _MB:.0f}' if limit else ''} MB")
    return ", ".join([*words, f"{facts.get('clients')} clients"])


def _delivery_words(section: Section) -> str:
    lags = [check for check in section.checks if check.name.endswith(" lag") and check.value is not None]
    images = [check for check in section.checks if check.name.endswith("newest image") and check.value is not None]
    spools = [check for check in section.checks if check.name.endswith(" spool") and check.value is not None]
    words = [f"{max(lags, key=lambda one: one.value).value:.1f} s behind at most"] if lags else []
    words += [f"newest image {max(images, key=lambda one: one.value).value:.1f} s old"] if images else []
    words += [f"spool {max(spools, key=lambda one: one.value).value:.0f} % full"] if spools else []
    lost = sum(check.value or 0 for check in section.checks if check.name.endswith(" lost"))
    return ", ".join([*words, *([f"{lost} frames lost"] if lags else [])]) or "nothing to tell"


def _machine_words(section: Section) -> str:
    facts = section.facts
    figures = (("cpu", "cpu_percent", "%"), ("memory", "memory_percent", "%"), ("disk", "disk_percent", "%"))
    words = [f"{word} {facts[key]:.0f} {unit}" for word, key, unit in figures if facts.get(key) is not None]
    if facts.get("temperature_c") is not None:
        words.append(f"{facts['temperature_c']:.0f} °C")
    if facts.get("load_average"):
        words.append(f"load {facts['load_average'][0]:.1f} on {facts['cores']} cores")
    if facts.get("uptime_s") is not None:
        words.append(f"up {span(facts['uptime_s'])}")
    return ", ".join(words) or "not known"


def _log_words(section: Section) -> str:
    files = section.facts["files"]
    if not files:
        return "not known"
    there = sum(one is not None for one in files.values())
    return (
        f"{there} of {len(files)} files, {section.facts['folder_bytes'] / _MB:.1f} MB in {section.facts['folder']}"
    )


def _network_words(section: Section) -> str:
    good = [c.reason for c in section.checks if c.verdict is Verdict.OK and c.name != "default route"]
    return "; ".join(good) or "nothing to tell"


def _first_reason(section: Section) -> str:
    return section.checks[0].reason


_WORDS: Mapping[str, Callable[[Section], str]] = {
    processes.COMPONENT: _process_words,
    cameras.COMPONENT: _camera_words,
    redis.COMPONENT: _redis_words,
    delivery.COMPONENT: _delivery_words,
    machine.COMPONENT: _machine_words,
    disk_trend.COMPONENT: _first_reason,
    logs.FILES: _log_words,
    logs.RECENT: _first_reason,
    network.COMPONENT: _network_words,
}
