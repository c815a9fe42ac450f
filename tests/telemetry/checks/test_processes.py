from __future__ import annotations

from typing import Any

import pytest

from greencam.telemetry.checks.processes import (
    by_script,
    capture_check,
    child_check,
    supervisor_checks,
    threads_check,
)

SUITE: dict[str, Any] = {
    "pid": 7,
    "state": "S",
    "answers": True,
    "uptime_s": 90.0,
    "loop_lag_ms": 3.0,
    "processes": [],
}
CHILD: dict[str, Any] = {
    "name": "cam1", "pid": 11, "state": "running", "proc_state": "S", "held": False, "restarts": 0, "done": False,
    "command": "cam1_stream.py", "last_end": "", "uptime_s": 90.0, "beat_age_s": 0.4, "next_start_s": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "by_hand", "verdict", "words"),
    [
        ({}, False, "ok", "process 7 answers"),
        ({"pid": None}, False, "critical", "greencam does not run; ./run.sh starts it"),
        ({"pid": None}, True, "warning", "captures run, but nobody looks after them"),
        ({"state": "T"}, False, "critical", "is stopped (SIGSTOP) and does nothing; kill -CONT 7"),
        ({"state": "D"}, False, "critical", "hangs in the kernel (state D)"),
        ({"state": None}, False, "critical", "has gone"),
        ({"answers": False}, False, "critical", "process 7 hangs: it does not answer"),
    ],
)
def test_the_supervisor(changed: dict[str, Any], by_hand: bool, verdict: str, words: str) -> None:
    check = supervisor_checks({**SUITE, **changed}, by_hand=by_hand)[0]
    assert (check.name, check.verdict) == ("start.py", verdict)
    assert words in check.reason


@pytest.mark.parametrize(("lag_ms", "verdict"), [(999.0, "ok"), (1000.0, "warning"), (5000.0, "critical")])
def test_a_supervisor_that_is_late(lag_ms: float, verdict: str) -> None:
    assert supervisor_checks({**SUITE, "loop_lag_ms": lag_ms}, by_hand=False)[1].verdict == verdict


@pytest.mark.parametrize(
    ("changed", "verdict", "words"),
    [
        ({}, "ok", "process 11"),
        ({"done": True, "pid": None, "state": "finished"}, "ok", "its recording has ended"),
        ({"pid": None, "state": "waiting", "last_end": "SIGKILL", "next_start_s": 0.5}, "critical",
         "it does not run: waiting, ended with SIGKILL, next start in 0.5 s"),
        ({"pid": None, "state": "stopped"}, "warning", "stopped by a person; start.py --restart cam1 starts it"),
        ({"pid": None, "state": None}, "critical", "it does not run: not started"),
        ({"proc_state": "T"}, "critical", "is stopped (SIGSTOP)"),
        ({"proc_state": "D"}, "critical", "hangs in the kernel"),
        ({"proc_state": "Z"}, "critical", "has ended"),
        ({"proc_state": None}, "critical", "has gone"),
        ({"beat_age_s": 2.9}, "ok", "process 11"),
        ({"beat_age_s": 3.0}, "warning", "alive but hangs: no sign of work for 3.0 s"),
        ({"beat_age_s": 5.0}, "critical", "alive but hangs: no sign of work for 5.0 s"),
        ({"beat_age_s": 9.0, "command": "storeimages.py"}, "ok", "process 11"),
        ({"beat_age_s": 10.0, "command": "storeimages.py"}, "warning", "alive but hangs"),
        ({"beat_age_s": 30.0, "command": "storeimages.py"}, "critical", "alive but hangs"),
        ({"beat_age_s": 300.0, "command": "valkey-server"}, "ok", "process 11"),
        ({"beat_age_s": None}, "ok", "process 11"),
        ({"state": "starting"}, "warning", "is starting"),
        ({"state": "stopping", "last_end": "SIGSEGV"}, "warning", "is stopping after SIGSEGV"),
        ({"held": True}, "warning", "(--hold); start.py --restart cam1 ends that"),
        ({"restarts": 1, "uptime_s": 59.0, "last_end": "SIGKILL"}, "warning", "anew 59 s ago after SIGKILL"),
        ({"restarts": 2, "uptime_s": 60.0}, "ok", "process 11"),
        ({"restarts": 3, "uptime_s": 299.0}, "critical", "started anew 3 times, 299 s ago"),
        ({"restarts": 900, "uptime_s": 300.0}, "ok", "process 11"),
        ({"uptime_s": None, "restarts": 9}, "ok", "process 11"),  # from the file of a supervisor that hangs
    ],
)  # fmt: skip
def test_a_process_of_the_table(changed: dict[str, Any], verdict: str, words: str) -> None:
    check = child_check({**CHILD, **changed}, 3)
    assert check.verdict == verdict
    assert words in check.reason


def test_a_line_of_the_table_with_nothing_but_the_least() -> None:
    assert child_check({"name": "cam1", "pid": 4711, "restarts": 2, "done": False}, 3).verdict == "ok"


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, "ok"),
        ({"state": "T"}, "critical"),
        ({"beat_age_s": 3.0}, "warning"),
        ({"beat_age_s": 60.0}, "critical"),
    ],
)
def test_a_capture_that_a_person_started(changed: dict[str, Any], verdict: str) -> None:
    check = capture_check("cam1", {"pid": 11, "state": "S", "beat_age_s": 0.4, **changed})
    assert check is not None
    assert check.verdict == verdict


def test_no_capture_is_no_process_to_judge() -> None:
    assert capture_check("cam1", {"pid": None, "state": None, "beat_age_s": None}) is None


@pytest.mark.parametrize(("threads", "verdict"), [(33, "ok"), (34, "warning")])
def test_threads_that_pile_up(threads: int, verdict: str) -> None:
    scripts = [{"name": "start.py", "pid": 7, "threads": 3}, {"name": "client.py", "pid": 8, "threads": threads}]
    check = threads_check(scripts, cores=4)
    assert check.verdict == verdict
    assert "client.py" in check.reason


def test_threads_of_nobody_are_not_known() -> None:
    assert threads_check([], 4).verdict == "unknown"


def test_the_guides_key_is_by_name_of_script() -> None:
    scripts = [
        {"name": "cam1_stream.py", "pid": 11, "threads": 5},
        {"name": "cam1_stream.py", "pid": 12, "threads": 6},
    ]
    checks = [child_check(CHILD, 3), child_check({**CHILD, "name": "yard", "proc_state": "T"}, 3)]
    found = by_script(scripts, checks, {"cam1": "cam1_stream.py", "yard": "cam1_stream.py"})
    capture = found["cam1_stream.py"]
    assert (capture["running"], capture["pids"], capture["threads"], capture["status"]) == (
        True,
        [11, 12],
        11,
        "critical",
    )
    assert "SIGSTOP" in capture["reason"]
    assert (found["client.py"]["running"], found["client.py"]["status"]) == (False, "unknown")
    assert set(found) == {"cam1_stream.py", "start.py", "client.py", "storeimages.py"}
