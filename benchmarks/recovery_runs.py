"""Faults made on real captures, and what an observer outside them saw."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import memory, percentile
from greencam.base.clock import SystemClock
from greencam.base.errors import FrameError
from greencam.capture.facts_file import read_facts
from greencam.frame.ring_reader import RingReader, Start
from greencam.upkeep.drill import Deadlines, Drill, Hung, Report, Scripted
from greencam.upkeep.drill_ground import DrillGround, Observer
from greencam.upkeep.drill_kinds import KINDS, DrillKind, Expect

ROOT = Path(__file__).resolve().parents[1]
CLOCK = SystemClock()
Say = Callable[[str], None]
_STEADY_S = 4.0


@dataclass(frozen=True)
class Plan:
    """How much of everything; `frame_s` is the deadline of the drills, `short_s` that of the long series."""

    rounds: int
    kills: int
    hangs: int
    returns: int
    frame_s: float
    short_s: float = 1.0


FULL = Plan(rounds=3, kills=20, hangs=60, returns=50, frame_s=5.0)
QUICK = Plan(rounds=1, kills=2, hangs=3, returns=2, frame_s=1.0)


def _entry(ground: DrillGround, camera: str) -> dict[str, Any]:
    return {"id": camera, "source": f"faulty:{ground.faults_of(camera)}", "width": 640, "height": 480, "fps": 30}


def _wait(condition: Callable[[], Any], limit_s: float) -> Any:
    deadline_s = time.monotonic() + limit_s
    while time.monotonic() < deadline_s:
        if value := condition():
            return value
        time.sleep(0.01)
    return None


def possible(kind: DrillKind) -> bool:
    """Whether this machine and user can make the fault."""
    return kind.expect is not Expect.QUARANTINE or (os.geteuid() == 0 and Path("/dev/fuse").exists())


def drills(plan: Plan, say: Say) -> list[dict[str, Any]]:
    """Every drill, `rounds` times, each on a capture of its own with the guide's figures."""
    rows = []
    for turn in range(plan.rounds):
        for kind in filter(possible, KINDS.values()):
            report = _drilled(kind, plan.frame_s)
            rows.append(report.as_dict())
            say(f"drill {turn + 1}/{plan.rounds}: {kind.name}: {'passed' if report.passed else report.problems}")
    return rows


def _drilled(kind: DrillKind, frame_s: float) -> Report:
    with DrillGround(ROOT, CLOCK, {"frame_timeout": frame_s}) as ground:
        ground.write_site([_entry(ground, "cam1")])
        ground.start("cam1")
        time.sleep(_STEADY_S)
        fault: Scripted | Hung = Scripted(kind, ground.faults_of("cam1"))
        if kind.expect is Expect.QUARANTINE:
            fault = Hung(ground.faults_of("cam1"), ground.folder / "hung", CLOCK)
        deadlines = Deadlines(frame_s, max(15.0, 3 * frame_s))
        drill = Drill(kind, Observer(ground.runtime, "cam1", CLOCK), deadlines, CLOCK, lambda *_: None)
        return drill.run(fault.make, fault.lift)


def kills(plan: Plan, say: Say) -> dict[str, Any]:
    """SIGKILL to the worker again and again: seconds from the last frame before to the first one after."""
    dark = []
    with DrillGround(ROOT, CLOCK) as ground:
        ground.write_site([_entry(ground, "cam1")])
        ground.start("cam1")
        for _ in range(plan.kills):
            time.sleep(_STEADY_S)
            dark.append(_killed(ground))
    say(f"killed {plan.kills} workers: dark for {max(dark):.2f} s at most")
    return {"dark_s": dark}


def _killed(ground: DrillGround) -> float:
    observer = Observer(ground.runtime, "cam1", CLOCK)
    os.kill(observer.facts()["worker_pid"], signal.SIGKILL)
    time.sleep(0.005)
    before = observer.newest()
    after = _wait(
        lambda: (n := observer.newest()) is not None and before is not None and n[0] != before[0] and n, 30
    )
    return after[1] - before[1] if after and before else 30.0


def hangs(plan: Plan, say: Say) -> dict[str, Any]:
    """Hangs in a row on one capture: what it holds after each, and the slope of its memory."""
    rows: list[dict[str, int]] = []
    with DrillGround(ROOT, CLOCK, {"frame_timeout": plan.short_s}) as ground:
        ground.write_site([_entry(ground, "cam1")])
        pid = ground.start("cam1")
        for number in range(plan.hangs):
            time.sleep(_STEADY_S)
            kind = KINDS["hang"]
            fault = Scripted(kind, ground.faults_of("cam1"))
            observer = Observer(ground.runtime, "cam1", CLOCK)
            drill = Drill(kind, observer, Deadlines(plan.short_s, 15.0), CLOCK, lambda *_: None)
            report = drill.run(fault.make, fault.lift)
            rows.append({"number": number, "passed": int(report.passed), **_held(pid, ground.runtime)})
            if number % 10 == 9:
                say(f"hang {number + 1}/{plan.hangs}: {rows[-1]}")
    return {"rows": rows, "recovered": sum(row["passed"] for row in rows)}


def _held(pid: int, runtime: Path) -> dict[str, int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    states = [Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] for child in children]
    shared = [path.stat().st_size for path in runtime.iterdir() if path.is_file()]
    return {
        "own_kib": memory(pid).own,
        "descriptors": len(list(Path(f"/proc/{pid}/fd").iterdir())),
        "shared_files": len(shared),
        "shared_bytes": sum(shared) // 4096 * 4096,
        "zombies": states.count("Z"),
        "children": len(children),
    }


class _Neighbour:
    """Reads every frame of a camera meanwhile and counts the holes in its numbers."""

    def __init__(self, ground: DrillGround, camera: str) -> None:
        self._path = ground.runtime / f"{camera}.ring"
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self.frames = self.lost = 0
        self._thread.start()

    def _read(self) -> None:
        reader, last = RingReader(self._path, CLOCK, Start.NEXT), 0
        while not self._ending.is_set():
            try:
                frame = reader.next_frame(0.2)
            except FrameError:
                continue
            if frame is not None:
                self.lost += frame.header.seq - last - 1 if last else 0
                last, self.frames = frame.header.seq, self.frames + 1

    def stop(self) -> None:
        """Read no more."""
        self._ending.set()
        self._thread.join(5)


def unkillable(plan: Plan, say: Say) -> dict[str, Any] | None:
    """A worker in state D beside a camera that works; None where that can't be made (root, /dev/fuse)."""
    kind = KINDS["unkillable"]
    if not possible(kind):
        return None
    with DrillGround(ROOT, CLOCK, {"frame_timeout": plan.short_s}) as ground:
        ground.write_site([_entry(ground, "cam1"), _entry(ground, "cam2")])
        for camera in ("cam1", "cam2"):
            ground.start(camera)
        time.sleep(_STEADY_S)
        neighbour = _Neighbour(ground, "cam2")
        hung = Hung(ground.faults_of("cam1"), ground.folder / "hung", CLOCK)
        observer = Observer(ground.runtime, "cam1", CLOCK)
        try:
            hung.make()
            hang_s = _wait(lambda: observer.facts().get("consecutive_failures") and time.monotonic(), 30)
            found_s = _wait(lambda: observer.facts().get("quarantine") and time.monotonic(), 30)
            channel = observer.facts()["quarantine"]["wait_channel"]
            stop_s = ground.stop("cam1", grace_s=8.0)
        finally:
            hung.lift()
        neighbour.stop()
    found = {"declared_s": found_s - hang_s, "wait_channel": channel, "stop_s": stop_s}
    say(f"unkillable: {found}, neighbour lost {neighbour.lost} of {neighbour.frames}")
    return {**found, "neighbour_frames": neighbour.frames, "neighbour_lost": neighbour.lost}


@contextmanager
def _media(folder: Path) -> Iterator[list[str]]:
    sys.path.insert(0, str(ROOT))
    from tests.camera import footage

    video = footage.pattern_video(folder / "a.h264", 50, (160, 120))
    yield ["--h264", str(video)]


class _Server:
    """The tests' small network camera, that comes and goes on one port."""

    def __init__(self, words: list[str]) -> None:
        self._words, self.port = words, 0
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Serve; the port stays the same."""
        script = ROOT / "tests" / "camera" / "small_server.py"
        argv = [sys.executable, "-I", "-S", str(script), "--port", str(self.port), *self._words]
        self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        if self._process.stdout is not None:
            self.port = int(self._process.stdout.readline())

    def kill(self) -> None:
        """Be gone at once."""
        if self._process is not None and self._process.stdout is not None:
            self._process.kill()
            self._process.wait(10)
            self._process.stdout.close()
        self._process = None


def returns(plan: Plan, say: Say) -> dict[str, Any]:
    """A network camera that comes back at a random moment while capture tries to open it: seconds until frames."""
    draw = random.Random(7)
    took: list[float | None] = []
    recovery = {"frame_timeout": plan.short_s, "recovery_cooldown": 2}
    with DrillGround(ROOT, CLOCK, recovery) as ground, _media(ground.folder) as words:
        server = _Server(words)
        server.start()
        try:
            ground.write_site([{"id": "cam1", "url": f"rtsp://127.0.0.1:{server.port}/video"}])
            ground.start("cam1")
            for number in range(plan.returns):
                took.append(_returned(ground, server, draw.uniform(0.2, 3.0)))
                if number % 10 == 9:
                    say(f"return {number + 1}/{plan.returns}: {took[-1]}")
        finally:
            server.kill()
    return {"took_s": took, "returned": sum(value is not None for value in took)}


def _returned(ground: DrillGround, server: _Server, away_s: float) -> float | None:
    server.kill()
    _wait(lambda: (read_facts(ground.runtime, "cam1", CLOCK) or {}).get("consecutive_failures"), 20)
    time.sleep(away_s)
    server.start()
    begin_s = time.monotonic()
    well = _wait(lambda: _well(ground), 30)
    return time.monotonic() - begin_s if well else None


def _well(ground: DrillGround) -> bool:
    facts = read_facts(ground.runtime, "cam1", CLOCK)
    return bool(
        facts and not facts["stale"] and not facts["consecutive_failures"] and facts["state"] == "streaming"
    )


def spread_of(values: list[float]) -> str:
    """Median and largest value for a table, in seconds."""
    return f"{percentile(values, 50):.2f} ({max(values):.2f})" if values else "–"
