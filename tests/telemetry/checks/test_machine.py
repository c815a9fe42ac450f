from __future__ import annotations

from typing import Any

import pytest

from greencam.settings.machine_model import SafeguardThresholds
from greencam.telemetry.checks.machine import disk_checks, fullest, machine_checks

WELL: dict[str, Any] = {
    "cpu_percent": 20.0, "cpu_over_s": 300.0, "memory_percent": 40.0,
    "load_average": [0.5, 0.5, 0.4], "cores": 4, "temperature_c": 50.0,
    "throttled_now": [], "throttled_since_boot": [], "threads": 300, "uptime_s": 86400.0,
}  # fmt: skip
DISK = {"folder": "/srv/images", "device": 1, "percent": 50.0, "inodes_percent": 3.0}


def verdicts(**changed: Any) -> dict[str, str]:
    return {one.name: one.verdict for one in machine_checks({**WELL, **changed}, SafeguardThresholds())}


def test_a_machine_that_is_well() -> None:
    assert set(verdicts().values()) == {"ok"}


@pytest.mark.parametrize(
    ("changed", "name", "verdict"),
    [
        ({"cpu_percent": 84.9}, "cpu", "ok"),
        ({"cpu_percent": 85.0}, "cpu", "warning"),
        ({"cpu_percent": 95.0}, "cpu", "critical"),
        ({"memory_percent": 89.9}, "memory", "ok"),
        ({"memory_percent": 90.0}, "memory", "warning"),
        ({"memory_percent": 95.0}, "memory", "critical"),
        ({"temperature_c": 70.0}, "temperature", "warning"),
        ({"temperature_c": 80.0}, "temperature", "critical"),
        ({"temperature_c": None}, "temperature", "unknown"),
        ({"load_average": [99.0, 7.9, 1.0]}, "load", "ok"),  # a moment's load is no trouble
        ({"load_average": [1.0, 8.0, 1.0]}, "load", "warning"),
        ({"load_average": [1.0, 16.0, 1.0]}, "load", "critical"),
        ({"load_average": None}, "load", "unknown"),
        ({"throttled_now": ["throttled"], "throttled_since_boot": ["throttled"]}, "throttling", "critical"),
        ({"throttled_since_boot": ["under-voltage"]}, "throttling", "warning"),
        ({"throttled_since_boot": ["frequency capped"]}, "throttling", "ok"),
        ({"throttled_now": None, "throttled_since_boot": None}, "throttling", "unknown"),
        ({"cpu_percent": None}, "cpu", "unknown"),
        ({"cpu_percent": 100.0, "cpu_over_s": 0.15}, "cpu", "ok"),  # a moment is no trouble
    ],
)
def test_the_thresholds_of_the_guide(changed: dict[str, Any], name: str, verdict: str) -> None:
    found = verdicts(**changed)
    assert found.pop(name) == verdict
    assert set(found.values()) == {"ok"}


def test_the_thresholds_are_the_owners() -> None:
    thresholds = SafeguardThresholds(cpu_warning=10, cpu_critical=15)
    assert machine_checks(WELL, thresholds)[0].verdict == "critical"


def test_too_little_voltage_asks_for_power_and_heat_for_air() -> None:
    def reason(words: list[str]) -> str:
        checks = machine_checks({**WELL, "throttled_now": words}, SafeguardThresholds())
        return next(one.reason for one in checks if one.name == "throttling")

    assert "power supply" in reason(["under-voltage", "throttled"])
    assert "more air" in reason(["soft temperature limit"])


def test_one_disk_is_told_once_under_the_first_folder_on_it() -> None:
    disks = {
        "images": DISK,
        "logs": {**DISK, "folder": "/srv/logs"},
        "root": {**DISK, "device": 2, "percent": 91.0},
    }
    checks = disk_checks(disks, SafeguardThresholds())
    assert [(one.name, one.verdict) for one in checks] == [("disk images", "ok"), ("disk root", "warning")]
    assert fullest(disks) == 91.0


def test_a_disk_without_room_for_more_files_is_full_too() -> None:
    (check,) = disk_checks({"images": {**DISK, "inodes_percent": 96.0}}, SafeguardThresholds())
    assert check.verdict == "critical"
    assert check.reason.startswith("disk's number of files of /srv/images 96 %, limit 95; ")
