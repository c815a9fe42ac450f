"""The measurements of benchmarks/supervision.py, each from outside, each over a suite of its own."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from benchmarks import measure
from benchmarks.recovery_runs import possible
from benchmarks.supervised import SuiteRun, await_true
from greencam.base.clock import SystemClock
from greencam.base.proc import PARENT_VARIABLE
from greencam.health.process import look_at
from greencam.upkeep.drill import Hung
from greencam.upkeep.drill_kinds import KINDS

if TYPE_CHECKING:
    from tests.wall_clock import WallClock

_TICKS = os.sysconf("SC_CLK_TCK")
_BURNS = "while True:\n    pass\n"


@dataclass(frozen=True)
class Plan:
    """How often and how long, in times and seconds."""

    stops: int
    kills: int
    loop_s: float
    stuck_s: float
    idle_s: float
    jump_s: float


QUICK = Plan(stops=5, kills=1, loop_s=20.0, stuck_s=4.0, idle_s=5.0, jump_s=2.0)
FULL = Plan(stops=100, kills=10, loop_s=60.0, stuck_s=20.0, idle_s=60.0, jump_s=12.0)
_HOUR_S, _YEARS_S = 3600.0, 3653 * 86400.0
_JUMPS = (_HOUR_S, -_HOUR_S, _YEARS_S, 0.0, -_YEARS_S, 0.0)


def _cameras(count: int, fps: float = 15) -> list[dict[str, Any]]:
    return [
        {"id": f"cam{n}", "source": "pattern", "width": 320, "height": 240, "fps": fps} for n in range(1, count + 1)
    ]


def stops(plan: Plan) -> list[dict[str, Any]]:
    """SIGTERM at a random moment of its first 3 s, while every processor has other work.

    `heard` tells whether the process took care of SIGTERM then; before, Python itself was starting.
    """
    burners = [subprocess.Popen([sys.executable, "-c", _BURNS]) for _ in range(os.cpu_count() or 1)]
    draw, rows = random.Random(38), []
    try:
        with SuiteRun(_cameras(2)) as suite:
            for _ in range(plan.stops):
                pid, after_s = suite.start(), draw.uniform(0.0, 3.0)
                time.sleep(after_s)
                heard = _takes_care_of(pid, signal.SIGTERM)
                code, took_s = suite.stop()
                left = len(suite.left())
                rows.append({"after_s": after_s, "heard": heard, "code": code, "took_s": took_s, "left": left})
            suite.start()
            rows[-1]["next_start_works"] = await_true(suite.ready)
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()
    return rows


def _takes_care_of(pid: int, number: signal.Signals) -> bool:
    """Whether the process catches or holds back this signal (proc(5): SigCgt, SigBlk)."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    return any(int(lines[name], 16) >> (number - 1) & 1 for name in ("SigCgt", "SigBlk"))


def kills(plan: Plan) -> list[dict[str, Any]]:
    """SIGKILL of each process once per suite: seconds until its successor works; then of the supervisor.

    Once, because whoever fails again and again waits longer each time; that is measured as a crash loop.
    """
    rows: list[dict[str, Any]] = []
    for _ in range(plan.kills):
        with SuiteRun(_cameras(2)) as suite:
            supervisor = suite.start()
            await_true(suite.ready)
            for name in ("redis", "recorder", "cam1"):
                rows.append({"victim": name, **_killed(suite, name)})
                time.sleep(1.0)
            os.kill(supervisor, signal.SIGKILL)
            began_s = time.monotonic()
            gone = await_true(lambda: not [pid for pid in suite.left() if _lives(pid)], 20)
            row = {"victim": "supervisor", "gone_s": time.monotonic() - began_s, "orphans": 0 if gone else 1}
            rows.append(row)
    return rows


def _killed(suite: SuiteRun, name: str) -> dict[str, Any]:
    pid = suite.process(name)["pid"]
    began_s = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    back = await_true(lambda: suite.process(name).get("pid") not in {None, pid})
    back_s = time.monotonic() - began_s
    works = await_true(lambda: suite.process(name).get("state") == "running")
    return {"back_s": back_s if back else None, "works_s": time.monotonic() - began_s if works else None}


def _lives(pid: int) -> bool:
    seen = look_at(pid)
    return seen is not None and seen.state not in {"Z", "X"}


def crash_loop(plan: Plan) -> dict[str, Any]:
    """The recorder is killed whenever it is there: how often it starts, and what it costs, starts included."""
    with SuiteRun(_cameras(1)) as suite:
        supervisor = suite.start()
        await_true(suite.ready)
        before_s, own_s = _cpu_with_children_s(supervisor), measure.cpu_s(supervisor)
        began_s = time.monotonic()
        pid, starts = suite.process("recorder")["pid"], 0
        while time.monotonic() - began_s < plan.loop_s:
            if pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            last = pid
            await_true(lambda: suite.process("recorder").get("pid") not in {None, last}, 1.0, 0.1)  # noqa: B023
            found = suite.process("recorder").get("pid")
            starts += found is not None and found != last
            pid = found
        took_s = time.monotonic() - began_s
        return {
            "starts": starts,
            "seconds": took_s,
            "cpu_percent": 100 * (_cpu_with_children_s(supervisor) - before_s) / took_s,
            "supervisor_cpu_percent": 100 * (measure.cpu_s(supervisor) - own_s) / took_s,
            "neighbour_restarts": suite.process("cam1")["restarts"],
        }


def _cpu_with_children_s(pid: int) -> float:
    """Processor time of a process and of its children that have ended (proc(5): utime, stime, cutime, cstime)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) / _TICKS


def state_d(plan: Plan) -> dict[str, Any] | None:
    """A worker hangs in the kernel and, its capture killed, is the supervisor's own child; None without FUSE."""
    if not possible(KINDS["unkillable"]):
        return None
    clock = SystemClock()
    with SuiteRun([]) as suite:
        faults = suite.folder / "faults"
        suite.write([{**_cameras(1)[0], "source": f"faulty:{faults}|pattern"}, *_cameras(2)[1:]])
        os.environ[PARENT_VARIABLE] = str(os.getpid())
        hung = Hung(faults, suite.folder / "hung", clock)
        supervisor = suite.start()
        try:
            await_true(suite.ready)
            time.sleep(2.0)
            hung.make()
            capture = suite.process("cam1")["pid"]
            stuck = await_true(lambda: _stuck_child(capture), 30)
            os.kill(capture, signal.SIGKILL)
            adopted = await_true(lambda: _stuck_child(supervisor), 10)
            time.sleep(plan.stuck_s)
            told = suite.status()
            code, took_s = suite.stop()
        finally:
            hung.lift()
            os.environ.pop(PARENT_VARIABLE, None)
        gone = await_true(lambda: not suite.left(), 10)
    return {
        "stuck": stuck, "adopted": adopted, "loop_lag_ms": told.get("loop_lag_ms"),
        "code": code, "stop_s": took_s, "gone_once_freed": gone,
    }  # fmt: skip


def _stuck_child(parent: int) -> bool:
    try:
        children = [int(word) for word in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    except OSError:
        return False
    return any((seen := look_at(pid)) is not None and (seen.state == "D" or seen.stuck) for pid in children)


def clock(plan: Plan) -> dict[str, Any] | None:
    """The wall clock of a suite jumps by hours and years, back and forth; None without a C compiler.

    `jump_s` is longer than a capture or Redis may be silent. A stall is a second look without a new image.
    """
    from tests.wall_clock import WallClock, compiler  # the tests' way to set a clock for some processes only

    found = compiler()
    if found is None:
        return None
    with TemporaryDirectory(prefix="gc-clock-") as folder:
        wall = WallClock(Path(folder), found)
        wishes = {"GREENCAM_IMAGE_EVERY_S": "0.1", "GREENCAM_CONNECTION_CHECK_INTERVAL": "1"}
        with SuiteRun(_cameras(2), **wall.environment, **wishes) as suite:
            suite.start()
            ready = await_true(suite.ready) and await_true(lambda: len(suite.images()) > 10)
            before, kept = _numbers(suite), suite.images()
            stalled = sum(not _goes_on(suite, wall, jump_s, plan.jump_s) for jump_s in _JUMPS)
            same, lost = _numbers(suite) == before, len(kept - suite.images())
            years = {path.parent.name[:4] for path in suite.images()}
            code, _ = suite.stop()
    return {
        "jumps": len(_JUMPS), "ready": ready, "jumped": len(years) == 3, "stalls": stalled, "same_processes": same,
        "images_lost": lost, "code": code,
    }  # fmt: skip


def _numbers(suite: SuiteRun) -> list[tuple[str, int, int]]:
    return [(one["name"], one["pid"], one["restarts"]) for one in suite.status().get("processes", ())]


def _goes_on(suite: SuiteRun, wall: WallClock, offset_s: float, watched_s: float) -> bool:
    """Whether images go on to be stored for watched_s after the clock was set."""
    wall.set(offset_s)
    end_s = time.monotonic() + watched_s
    while time.monotonic() < end_s:
        there = len(suite.images())
        if not await_true(lambda: len(suite.images()) > there, 1.0):  # noqa: B023
            return False
    return True


def cost(plan: Plan) -> dict[str, Any]:
    """Eight cameras and nothing wrong: the supervisor's own processor time, memory and lag."""
    with SuiteRun(_cameras(8, fps=2)) as suite:
        supervisor = suite.start()
        ready = await_true(suite.ready)
        time.sleep(2.0)
        before_s, began_s = measure.cpu_s(supervisor), time.monotonic()
        time.sleep(plan.idle_s)
        took_s = time.monotonic() - began_s
        used_s, memory = measure.cpu_s(supervisor) - before_s, measure.memory(supervisor)
        lag_ms = suite.status().get("loop_lag_ms")
    return {"ready": ready, "cpu_percent": 100 * used_s / took_s, "memory": vars(memory), "loop_lag_ms": lag_ms}
