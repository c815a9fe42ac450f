from __future__ import annotations

from typing import Any

import pytest

from greencam.telemetry.checks.redis import redis_checks

WELL: dict[str, Any] = {
    "connected": True, "address": "redis://box", "embedded": False, "latency_ms": 0.4, "version": "Redis 7.0.15",
    "role": "master", "memory_bytes": 10 << 20, "memory_limit_bytes": 100 << 20, "clients": 8,
    "clients_limit": 10000, "loading": False, "last_save_ok": True,
}  # fmt: skip


def verdicts(**changed: Any) -> dict[str, str]:
    return {one.name: one.verdict for one in redis_checks({**WELL, **changed})}


def test_a_server_that_is_well() -> None:
    assert verdicts() == dict.fromkeys(("connection", "latency", "memory", "clients", "role"), "ok")


@pytest.mark.parametrize(
    ("changed", "name", "verdict"),
    [
        ({"latency_ms": 100.0}, "latency", "warning"),
        ({"latency_ms": 500.0}, "latency", "critical"),
        ({"memory_bytes": 90 << 20}, "memory", "warning"),
        ({"memory_bytes": 98 << 20}, "memory", "critical"),
        ({"memory_limit_bytes": None, "memory_bytes": 1 << 40}, "memory", "ok"),
        ({"memory_bytes": None}, "memory", "unknown"),
        ({"clients": 9000}, "clients", "warning"),
        ({"clients": None}, "clients", "unknown"),
        ({"role": "slave"}, "role", "critical"),
        ({"loading": True}, "role", "warning"),
        ({"last_save_ok": False}, "role", "warning"),
    ],
)
def test_what_may_be_wrong_with_it(changed: dict[str, Any], name: str, verdict: str) -> None:
    found = verdicts(**changed)
    assert found.pop(name) == verdict
    assert set(found.values()) == {"ok"}


def test_a_cluster_has_no_one_role() -> None:
    assert "role" not in verdicts(role=None)


@pytest.mark.parametrize(
    ("told", "fix"),
    [
        ({"cause": "timeout"}, "it hangs"),
        ({"cause": "refused"}, "systemctl restart redis-server"),
        ({"cause": "auth"}, "correct user and password"),
        ({"cause": "never heard of"}, "docs/guide/redis.md"),
        ({"cause": "refused", "embedded": True, "suite_runs": True}, "the supervisor replaces it"),
        ({"cause": "refused", "embedded": True, "suite_runs": False}, "./run.sh"),
    ],
)
def test_a_server_that_is_down_is_one_check_with_a_fix(told: dict[str, Any], fix: str) -> None:
    down = {"connected": False, "error": "redis://box can't be reached.", "embedded": False, "address": "x"}
    (check,) = redis_checks({**down, **told})
    assert check.verdict == "critical"
    assert check.reason.startswith("redis://box can't be reached; ")
    assert fix in check.reason
