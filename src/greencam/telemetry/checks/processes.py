"""Verdicts on the processes: the supervisor, what it started, what a person started; alive means working."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from greencam.telemetry.checks.verdict import NO_LIMITS, Check, Limits, Verdict, measured

COMPONENT = "process_status"
SUPERVISOR, CAPTURE, RECORDER, VIEWER = "start.py", "cam1_stream.py", "storeimages.py", "client.py"
SCRIPTS = (CAPTURE, SUPERVISOR, VIEWER, RECORDER)
# A capture renews its sign of work every second, whatever its camera does; the recorder may wait for a slow disk.
_BEATS = {CAPTURE: Limits(3.0, 5.0, "s"), RECORDER: Limits(10.0, 30.0, "s")}
_LAG = Limits(1000.0, 5000.0, "ms")
_FRESH_S, _LOOP_S = 60.0, 300.0
_GUIDES_THREADS = 30  # guide 0, "Key Metrics": active threads < 30; numeric libraries add one per core
_STATES = {
    "T": ("is stopped (SIGSTOP) and does nothing", "kill -CONT {pid}"),
    "t": ("is held by a debugger", "detach it"),
    "D": ("hangs in the kernel (state D)", "a disk or driver does not answer: dmesg | tail"),
    "Z": ("has ended", "see logs/errors.log"),
    None: ("has gone", "see logs/errors.log"),
}
Facts = Mapping[str, Any]


def supervisor_checks(suite: Facts, *, by_hand: bool) -> list[Check]:
    """`suite` are the facts of apps/health_probes.suite; `by_hand`: captures run without a supervisor."""
    pid = suite["pid"]
    if pid is None:
        verdict = Verdict.WARNING if by_hand else Verdict.CRITICAL
        text = "captures run, but nobody looks after them" if by_hand else "greencam does not run"
        return [Check(COMPONENT, SUPERVISOR, None, verdict, f"{text}; ./run.sh starts it")]
    if (stuck := _stuck(suite["state"], pid)) is not None:
        return [Check(COMPONENT, SUPERVISOR, pid, Verdict.CRITICAL, stuck)]
    if not suite["answers"]:
        text = f"process {pid} hangs: it does not answer; sudo systemctl restart camera-streaming, or kill -9 {pid}"
        return [Check(COMPONENT, SUPERVISOR, pid, Verdict.CRITICAL, text)]
    lag = measured(
        COMPONENT, "supervisor lag", suite["loop_lag_ms"], _LAG, ("latest turn", "the machine is too busy")
    )
    return [Check(COMPONENT, SUPERVISOR, pid, Verdict.OK, f"process {pid} answers"), lag]


def child_check(child: Facts, threshold: int) -> Check:
    """One line of the supervisor's table; `threshold` is SAFEGUARD_THRESHOLDS' process_restart_threshold."""
    name, pid, state = str(child["name"]), child["pid"], child.get("state")
    if child.get("done"):
        return _told(name, pid, Verdict.OK, "its recording has ended")
    if state == "stopped":
        return _told(name, pid, Verdict.WARNING, f"stopped by a person; start.py --restart {name} starts it")
    if pid is None:
        return _told(name, pid, Verdict.CRITICAL, _not_there(child))
    if (stuck := _stuck(child.get("proc_state", "S"), pid)) is not None:
        return _told(name, pid, Verdict.CRITICAL, stuck)
    silent = _silence(str(child.get("command")), child.get("beat_age_s"), pid)
    if silent is not None:
        return _told(name, pid, *silent)
    return _settled(child, name, threshold)


def capture_check(camera: str, capture: Facts) -> Check | None:
    """A capture that no supervisor knows of; None when it does not run."""
    pid = capture["pid"]
    if pid is None:
        return None
    if (stuck := _stuck(capture["state"], pid)) is not None:
        return _told(camera, pid, Verdict.CRITICAL, stuck)
    silent = _silence(CAPTURE, capture["beat_age_s"], pid)
    return (
        _told(camera, pid, *silent)
        if silent
        else _told(camera, pid, Verdict.OK, f"process {pid}, without supervisor")
    )


def threads_check(scripts: Sequence[Facts], cores: int) -> Check:
    """The most threads that one of our processes has."""
    limits = Limits(_GUIDES_THREADS + cores, None, "")
    most = max(scripts, key=lambda script: int(script["threads"]), default=None)
    if most is None:
        return Check(COMPONENT, "threads", None, Verdict.UNKNOWN, "no process of greencam runs", limits)
    words = (f"threads of {most['name']} (process {most['pid']}):", "they pile up; restart it and report this")
    return measured(COMPONENT, "threads", most["threads"], limits, words)


def by_script(scripts: Sequence[Facts], checks: Sequence[Check], commands: Mapping[str, str]) -> dict[str, Any]:
    """`process_status` of the JSON: by script name whether it runs, its processes, the worst verdict on them.

    `commands` tells which script each process of the table is.
    """
    found: dict[str, Any] = {}
    for name in SCRIPTS:
        mine = [script for script in scripts if script["name"] == name]
        about = [check for check in checks if name in {check.name, commands.get(check.name)}]
        bad = [check for check in about if check.verdict in {Verdict.WARNING, Verdict.CRITICAL}]
        first = max(bad, key=lambda check: check.verdict is Verdict.CRITICAL, default=None)
        found[name] = {
            "running": bool(mine),
            "pids": [script["pid"] for script in mine],
            "threads": sum(script["threads"] for script in mine),
            "status": str(first.verdict if first else Verdict.OK if about or mine else Verdict.UNKNOWN),
            "reason": first.reason if first else _well(name, bool(mine)),
        }
    return found


def _well(name: str, runs: bool) -> str:
    if name == VIEWER and not runs:
        return "nobody watches by hand; it is not part of the suite"
    return "it runs" if runs else "it does not run"


def _told(name: str, pid: int | None, verdict: Verdict, text: str) -> Check:
    return Check(COMPONENT, name, pid, verdict, text, NO_LIMITS)


def _stuck(state: str | None, pid: int) -> str | None:
    if state in _STATES:
        what, fix = _STATES[state]
        return f"process {pid} {what}; {fix.format(pid=pid)}"
    return None


def _not_there(child: Facts) -> str:
    words = [f"it does not run: {child.get('state') or 'not started'}"]
    if child.get("last_end"):
        words.append(f"ended with {child['last_end']}")
    if child.get("next_start_s") is not None:
        words.append(f"next start in {child['next_start_s']:.1f} s")
    return f"{', '.join(words)}; why is in logs/errors.log"


def _silence(command: str, age_s: float | None, pid: int) -> tuple[Verdict, str] | None:
    limits = _BEATS.get(command)
    if limits is None or age_s is None or limits.verdict(age_s) is Verdict.OK:
        return None
    text = f"process {pid} is alive but hangs: no sign of work for {age_s:.1f} s; it is replaced if that goes on"
    return limits.verdict(age_s), text


def _settled(child: Facts, name: str, threshold: int) -> Check:
    """Whether a process that works has come to rest."""
    pid, state, restarts = child["pid"], child.get("state"), int(child.get("restarts") or 0)
    uptime_s = child.get("uptime_s")
    after = f" after {child['last_end']}" if child.get("last_end") else ""
    if child.get("held"):
        text = f"process {pid} is left alone whatever it does (--hold); start.py --restart {name} ends that"
        return _told(name, pid, Verdict.WARNING, text)
    if state in {"starting", "stopping"}:
        return _told(name, pid, Verdict.WARNING, f"process {pid} is {state}{after}")
    if uptime_s is not None and restarts >= threshold and uptime_s < _LOOP_S:
        text = f"started anew {restarts} times, {uptime_s:.0f} s ago{after}; why is in logs/errors.log"
        return _told(name, pid, Verdict.CRITICAL, text)
    if uptime_s is not None and restarts and uptime_s < _FRESH_S:
        return _told(
            name, pid, Verdict.WARNING, f"started anew {uptime_s:.0f} s ago{after}; why is in logs/errors.log"
        )
    return _told(name, pid, Verdict.OK, f"process {pid}")
