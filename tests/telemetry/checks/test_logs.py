from __future__ import annotations

from typing import Any

import pytest

from greencam.telemetry.checks.logs import Wanted, errors_check, file_checks

MB = 1 << 20
MAIN, ERRORS = "camera_system.log", "errors.log"
WANTED = {MAIN: Wanted(50 * MB, 150.0), ERRORS: Wanted(10 * MB, None)}
FINE: dict[str, Any] = {"size_bytes": MB, "age_s": 5.0, "readable": True}


def verdicts(files: dict[str, Any], suite_s: float | None = 1000.0) -> list[tuple[str, str]]:
    return [(one.name, one.verdict) for one in file_checks({"files": files}, WANTED, suite_s)]


@pytest.mark.parametrize(
    ("main", "suite_s", "verdict"),
    [
        (FINE, 1000.0, "ok"),
        ({**FINE, "size_bytes": 50 * MB}, 1000.0, "ok"),
        ({**FINE, "size_bytes": 52 * MB}, 1000.0, "warning"),
        ({**FINE, "age_s": 150.0}, 1000.0, "ok"),
        ({**FINE, "age_s": 151.0}, 1000.0, "warning"),
        ({**FINE, "age_s": 151.0}, 20.0, "ok"),  # from before this start
        ({**FINE, "age_s": 9999.0}, None, "ok"),  # nothing runs, nothing is written
        ({"size_bytes": None, "age_s": None, "readable": False, "error": "Permission denied"}, 1000.0, "warning"),
        (None, 1000.0, "warning"),
        (None, 20.0, "unknown"),
        (None, None, "unknown"),
    ],
)
def test_the_main_log(main: dict[str, Any] | None, suite_s: float | None, verdict: str) -> None:
    assert verdicts({MAIN: main, ERRORS: FINE}, suite_s) == [(MAIN, verdict), (ERRORS, "ok")]


def test_no_error_log_is_no_fault_and_an_old_one_neither() -> None:
    assert verdicts({MAIN: FINE, ERRORS: None})[1] == (ERRORS, "ok")
    assert verdicts({MAIN: FINE, ERRORS: {**FINE, "age_s": 1e7}})[1] == (ERRORS, "ok")


@pytest.mark.parametrize(
    ("count", "verdict"), [(0, "ok"), (1, "ok"), (9, "ok"), (10, "warning"), (5000, "warning")]
)
def test_errors_of_the_last_hour(count: int, verdict: str) -> None:
    last = [{"time": "2026-11-24 10:00:00,000", "age_s": 90.0, "text": "main:4 - no"}] if count else []
    check = errors_check({"count": count, "last": last, "at_least": False})
    assert check.verdict == verdict
    assert ("the newest 90 s ago: main:4 - no" in check.reason) == bool(count)
