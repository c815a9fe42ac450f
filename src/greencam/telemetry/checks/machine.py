"""Verdicts on this machine: processor, memory, disks, threads, load, heat and power."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from greencam.settings.machine_model import SafeguardThresholds
from greencam.telemetry.checks.verdict import NO_LIMITS, Check, Limits, Verdict, measured

COMPONENT = "system_resources"
SHARED_MEMORY = "memory"  # the name of the folder in memory among the disks
_MOMENT_S = 1.0
_LOAD_PER_CORE = (2.0, 4.0)  # processes that run or wait, per core: with 2 everything takes twice as long
_FIX_CPU = "see top(1); fewer frames per second, a smaller picture, or fewer cameras"
_FIX_MEMORY = "see top(1), sorted by M; lower RING_MAX_MB, STREAM_MAX_MB or SPOOL_MAX_MB, or stop what else runs"
_FIX_DISK = "lower IMAGES_MAX_MB, or remove what is not greencam's; du -xh --max-depth=1 tells what is large"
_FIX_SHARED_MEMORY = "lower RING_MAX_MB or SPOOL_MAX_MB, or remove what is not greencam's from /dev/shm"
_FIX_HEAT = "the processor slows itself down at 80 to 85 °C: more air, a heat sink, a cooler place"
_FIX_POWER = "use the power supply that was made for this Raspberry Pi, and a short cable"


def machine_checks(facts: Mapping[str, Any], thresholds: SafeguardThresholds) -> list[Check]:
    """Everything but the disks; `facts` are those of apps/health_probes.machine."""
    cores = facts["cores"] or 1
    load = facts["load_average"]
    limits = SafeguardThresholds.model_dump(thresholds)
    per_core = Limits(cores * _LOAD_PER_CORE[0], cores * _LOAD_PER_CORE[1], "")
    return [
        _cpu(facts, _limits(limits, "cpu", "%")),
        measured(
            COMPONENT, "memory", facts["memory_percent"], _limits(limits, "memory", "%"), ("memory", _FIX_MEMORY)
        ),
        measured(COMPONENT, "load", load[1] if load else None, per_core, ("load over 5 minutes", _FIX_CPU)),
        measured(
            COMPONENT, "temperature", facts["temperature_c"], _limits(limits, "temperature", "°C"),
            ("temperature", _FIX_HEAT),
        ),
        _throttling(facts),
        _plain("threads", facts["threads"], "threads of all processes"),
        _plain("uptime", facts["uptime_s"], "seconds since the machine started"),
    ]  # fmt: skip


def disk_checks(disks: Mapping[str, Mapping[str, Any]], thresholds: SafeguardThresholds) -> list[Check]:
    """One per file system, under the name of the first folder of ours on it; `disks` by that name."""
    limits = Limits(thresholds.disk_warning, thresholds.disk_critical, "%")
    seen: set[Any] = set()
    checks = []
    for name, facts in disks.items():
        if facts["device"] in seen:
            continue
        seen.add(facts["device"])
        both = [facts["percent"], facts["inodes_percent"]]
        value = max((one for one in both if one is not None), default=None)
        what = "disk" if value == facts["percent"] else "disk's number of files"
        words = (f"{what} of {facts['folder']}", _FIX_SHARED_MEMORY if name == SHARED_MEMORY else _FIX_DISK)
        checks.append(measured(COMPONENT, f"disk {name}", value, limits, words))
    return checks


def fullest(disks: Mapping[str, Mapping[str, Any]]) -> float | None:
    """Percent of the disk that has the least room."""
    return max((facts["percent"] for facts in disks.values() if facts["percent"] is not None), default=None)


def _limits(thresholds: Mapping[str, Any], name: str, unit: str) -> Limits:
    return Limits(thresholds[f"{name}_warning"], thresholds[f"{name}_critical"], unit)


def _cpu(facts: Mapping[str, Any], limits: Limits) -> Check:
    """Judged by an average; that a moment was busy says nothing."""
    percent, over_s = facts["cpu_percent"], facts["cpu_over_s"]
    if percent is not None and over_s < _MOMENT_S:
        told = f"processor {percent:g} % for a moment; from the next look on the average is judged"
        return Check(COMPONENT, "cpu", percent, Verdict.OK, told, limits)
    return measured(COMPONENT, "cpu", percent, limits, (f"processor over {over_s:.0f} s", _FIX_CPU))


def _throttling(facts: Mapping[str, Any]) -> Check:
    now, before = facts["throttled_now"], facts["throttled_since_boot"]
    if now is None:
        return Check(COMPONENT, "throttling", None, Verdict.UNKNOWN, "only a Raspberry Pi tells of throttling")
    if now:
        fix = _FIX_POWER if "under-voltage" in now else _FIX_HEAT
        return Check(COMPONENT, "throttling", now, Verdict.CRITICAL, f"{', '.join(now)} now; {fix}")
    if "under-voltage" in (before or ()):
        return Check(
            COMPONENT, "throttling", before, Verdict.WARNING, f"under-voltage since the start; {_FIX_POWER}"
        )
    told = f"{', '.join(before)} since the start, not now" if before else "none since the start"
    return Check(COMPONENT, "throttling", before or [], Verdict.OK, told)


def _plain(name: str, value: float | None, what: str) -> Check:
    verdict = Verdict.UNKNOWN if value is None else Verdict.OK
    told = f"this machine does not tell its {what}" if value is None else f"{value:g} {what}"
    return Check(COMPONENT, name, value, verdict, told, NO_LIMITS)
