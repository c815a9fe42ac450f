"""Verdicts on Redis: connected, quick enough, room left, able to take writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from greencam.telemetry.checks.verdict import Check, Limits, Verdict, measured

COMPONENT = "redis_connection"
# A PING takes a fraction of a millisecond on this host and some in a network. Frames go in batches, one round trip
# each, so that with 100 ms a camera of 30 fps still gets through; beyond 500 ms greencam counts it as hanging.
LATENCY = Limits(100.0, 500.0, "ms")
_SHARE = (90.0, 98.0)
_FIXES = {
    "timeout": "it hangs, is overloaded, or packets get lost on the way",
    "refused": "start it (sudo systemctl restart redis-server), or correct REDIS_HOST",
    "auth": "correct user and password",
    "permission": "give its user the rights of docs/guide/redis.md",
    "late": "it hangs, or its name is not resolved",
}
_EMBEDDED = "the supervisor replaces it; if it stays so, see logs/camera_system.log"


def redis_checks(facts: Mapping[str, Any]) -> list[Check]:
    """`facts` are those of bus/pulse with `address` and `embedded` added; of a server that is down one check."""
    if not facts["connected"]:
        fix = _EMBEDDED if facts["embedded"] else _FIXES.get(str(facts.get("cause")), "see docs/guide/redis.md")
        if facts.get("suite_runs") is False and facts["embedded"]:
            fix = "it is started with greencam: ./run.sh"
        text = str(facts.get("error") or "it does not answer").rstrip(".")
        return [Check(COMPONENT, "connection", False, Verdict.CRITICAL, f"{text}; {fix}")]
    checks = [
        Check(COMPONENT, "connection", True, Verdict.OK, f"{facts['address']}: connected, {facts.get('version')}"),
        measured(
            COMPONENT, "latency", facts["latency_ms"], LATENCY,
            ("answer to PING after", "what makes it slow: SLOWLOG GET, swapping, the network"),
        ),
        _share(facts, "memory", "memory_bytes", "set maxmemory higher or STREAM_MAX_MB lower"),
        _share(facts, "clients", "clients", "CLIENT LIST tells who they are; or set maxclients higher"),
        _role(facts),
    ]  # fmt: skip
    return [check for check in checks if check is not None]


def _share(facts: Mapping[str, Any], name: str, key: str, fix: str) -> Check:
    limit_key = key.replace("_bytes", "_limit_bytes") if key.endswith("_bytes") else f"{key}_limit"
    used, limit = facts.get(key), facts.get(limit_key)
    unit = "bytes" if key.endswith("_bytes") else ""
    if not isinstance(used, int | float):
        return Check(COMPONENT, name, None, Verdict.UNKNOWN, f"this server does not tell its {name}")
    if not isinstance(limit, int | float) or limit <= 0:
        return Check(
            COMPONENT, name, used, Verdict.OK, f"{name}: {_told(used, unit)}, no limit", Limits(None, None, unit)
        )
    limits = Limits(round(limit * _SHARE[0] / 100), round(limit * _SHARE[1] / 100), unit)
    verdict = limits.verdict(used)
    text = f"{name}: {_told(used, unit)} of {_told(limit, unit)}"
    return Check(COMPONENT, name, used, verdict, text if verdict is Verdict.OK else f"{text}; {fix}", limits)


def _told(value: float, unit: str) -> str:
    return f"{value / (1 << 20):.1f} MB" if unit else f"{value:g}"


def _role(facts: Mapping[str, Any]) -> Check | None:
    role = facts.get("role")
    if facts.get("loading"):
        return Check(COMPONENT, "role", role, Verdict.WARNING, "it is still loading its data; wait")
    if not facts.get("last_save_ok", True):
        text = "its last save to disk failed, and then it may refuse frames; see its log and its disk"
        return Check(COMPONENT, "role", role, Verdict.WARNING, text)
    if role is None:
        return None
    if role != "master":
        text = (
            f"it is a {role} and takes no frames; name the master, or use redis+sentinel:// (docs/guide/redis.md)"
        )
        return Check(COMPONENT, "role", role, Verdict.CRITICAL, text)
    return Check(COMPONENT, "role", role, Verdict.OK, "it is a master")
