"""Makes one fault, watches from outside what happens, and judges it by the goals."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from greencam.base.clock import Clock
from greencam.base.errors import Refused
from greencam.camera import faults, hung_file
from greencam.upkeep.drill_ground import Observer
from greencam.upkeep.drill_kinds import DrillKind, Expect

_LOOK_S = 0.01
_MARGIN_S = 15.0  # beyond the goals, before a drill gives up watching
_LIFT_AFTER_S = 3.0
Say = Callable[[float, str], None]


@dataclass
class Report:
    """What a drill saw; times in seconds, None for what did not happen."""

    kind: str
    detected_s: float | None = None
    late_s: float | None = None
    gone_s: float | None = None
    frame_s: float | None = None
    frame_after_detection_s: float | None = None
    frame_after_gone_s: float | None = None
    detect_allowed_s: float | None = None
    frame_allowed_s: float | None = None
    cured_by: str = ""
    text: str = ""
    problems: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether every goal was met."""
        return not self.problems

    def as_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        rounded = {k: round(v, 3) if isinstance(v, float) else v for k, v in vars(self).items()}
        return {**rounded, "passed": self.passed}


@dataclass(frozen=True)
class Deadlines:
    """The deadlines that the capture under drill keeps, in seconds."""

    frame_s: float
    open_s: float


class Drill:
    """One fault on one camera, from the order to the verdict."""

    def __init__(self, kind: DrillKind, observer: Observer, deadlines: Deadlines, clock: Clock, say: Say) -> None:
        self._kind, self._observer, self._deadlines = kind, observer, deadlines
        self._clock, self._say = clock, say
        self._begin_s = 0.0
        self.report = Report(kind.name)

    def run(self, make: Callable[[], None], lift: Callable[[], None]) -> Report:
        """`make` the fault, watch, `lift` it, watch the camera come back; the report."""
        before, number = self._facts_soon(), self._number()
        self._begin_s = self._clock.monotonic()
        self._say(0.0, f"{before.get('fps', 0):.1f} fps; now: {self._kind.what}")
        make()
        try:
            self._watch(before, number, lift)
        finally:
            lift()
        self._judge()
        return self.report

    def _watch(self, before: dict[str, Any], number: tuple[int, int], lift: Callable[[], None]) -> None:
        expect = self._kind.expect
        if expect is Expect.SURVIVAL:
            self._survive(before, number)
            return
        if not self._detect(before):
            return
        if expect in {Expect.RETURN, Expect.QUARANTINE}:
            self._wait(_LIFT_AFTER_S)
        lifted_s = self._now()
        if expect in {Expect.RETURN, Expect.QUARANTINE, Expect.WARNING}:
            lift()
            self._say(lifted_s, "the fault is lifted")
        if expect is Expect.WARNING:
            self._all_clear()
            return
        self._come_back(before, lifted_s)

    def _detect(self, before: dict[str, Any]) -> bool:
        """Wait until the capture itself says that something is wrong."""
        limit_s = self._allowed_s() + _MARGIN_S
        while self._now() < limit_s:
            text = self._told(before, self._observer.facts())
            if text:
                now_s = self._now()
                from_s = 0.0 if self._kind.frames_go_on else self._last_frame_s()
                self.report.detected_s, self.report.text = max(0.0, now_s - from_s), text
                self._say(now_s, f"detected: {text}")
                return True
            self._clock.sleep(_LOOK_S)
        self.report.problems.append(f"not detected within {limit_s:.0f} s")
        return False

    def _told(self, before: dict[str, Any], facts: dict[str, Any]) -> str:
        """What the capture says that fits this drill, empty for nothing."""
        if self._kind.expect is Expect.QUARANTINE:
            held = facts.get("quarantine") or {}
            return f"worker {held['pid']} in state {held['state']} at {held['wait_channel']}" if held else ""
        if self._kind.finding:
            found = [w["text"] for w in facts.get("warnings") or () if w["what"] == self._kind.finding]
            return found[0] if found else ""
        if _failures(facts, self._kind.cause) > _failures(before, self._kind.cause):
            return str(
                (facts.get("failure") or {}).get("text") or (facts["incidents"] or [{}])[-1].get("text", "?")
            )
        return ""

    def _come_back(self, before: dict[str, Any], lifted_s: float) -> None:
        """Wait for the first good frame, and for the capture to say that all is well."""
        detected_s, number = self._now(), self._number()
        worker, limit_s = before.get("worker_pid"), self._now() + self._kind.goal.frame_s + _MARGIN_S
        frame_s: float | None = None
        while self._now() < limit_s:
            if self.report.gone_s is None and worker and not _alive(worker):
                self.report.gone_s = self._now()
                self._say(self._now(), f"worker {worker} is gone")
            if frame_s is None and self._number() != number and not self._observer.facts().get("frozen"):
                frame_s = self._last_frame_s()
            facts = self._observer.facts()
            if frame_s is not None and facts and not facts["consecutive_failures"] and not facts["stale"]:
                self._note_cure(facts, frame_s, max(detected_s, lifted_s))
                return
            self._clock.sleep(_LOOK_S)
        self.report.problems.append(f"no good frame within {limit_s - detected_s:.0f} s")

    def _note_cure(self, facts: dict[str, Any], frame_s: float, from_s: float) -> None:
        report = self.report
        report.frame_s, report.frame_after_detection_s = frame_s, max(0.0, frame_s - from_s)
        if report.gone_s is not None:
            report.frame_after_gone_s = max(0.0, frame_s - report.gone_s)
        report.cured_by = str((facts["incidents"] or [{}])[-1].get("cured_by") or "")
        self._say(frame_s, f"first good frame; {report.cured_by} cured it")

    def _all_clear(self) -> None:
        deadline_s = self._now() + _MARGIN_S
        while self._now() < deadline_s:
            facts = self._observer.facts()
            if facts and not any(w["what"] == self._kind.finding for w in facts.get("warnings") or ()):
                self._say(self._now(), "the warning is taken back")
                return
            self._clock.sleep(_LOOK_S)
        self.report.problems.append("the warning is not taken back")

    def _survive(self, before: dict[str, Any], number: tuple[int, int]) -> None:
        self._wait(self._kind.goal.detect_s)
        facts = self._facts_soon()
        if _failures(facts) != _failures(before) or facts.get("worker_pid") != before.get("worker_pid"):
            self.report.problems.append("it counted as a failure of the camera")
        if self._number() <= number:
            self.report.problems.append("no frames came any more")
        self._say(self._now(), f"goes on with {facts.get('fps', 0):.1f} fps")

    def _facts_soon(self) -> dict[str, Any]:
        """What capture says, waited for: one that a busy machine gave no time says nothing for a moment."""
        deadline_s = self._clock.monotonic() + _MARGIN_S
        while not (facts := self._observer.facts()) and self._clock.monotonic() < deadline_s:
            self._clock.sleep(_LOOK_S)
        return facts

    def _judge(self) -> None:
        report, goal = self.report, self._kind.goal
        report.detect_allowed_s, report.frame_allowed_s = self._allowed_s(), goal.frame_s
        if report.detected_s is not None:
            report.late_s = report.detected_s - (self._allowed_s() - goal.detect_s)
            if report.late_s > goal.detect_s:
                report.problems.append(f"detected {report.late_s:.2f} s late, {goal.detect_s:g} s allowed")
        took_s = report.frame_after_detection_s
        if took_s is not None and took_s > goal.frame_s:
            report.problems.append(f"frames again after {took_s:.1f} s, {goal.frame_s:g} s allowed")

    def _allowed_s(self) -> float:
        """Time from the last good frame within which the fault has to be noticed."""
        deadline = {"": 0.0, "frame": self._deadlines.frame_s, "open": self._deadlines.open_s}
        return self._kind.goal.detect_s + deadline[self._kind.goal.after_deadline]

    def _wait(self, seconds: float) -> None:
        self._clock.sleep(seconds)

    def _now(self) -> float:
        return self._clock.monotonic() - self._begin_s

    def _number(self) -> tuple[int, int]:
        newest = self._observer.newest()
        return newest[0] if newest else (0, 0)

    def _last_frame_s(self) -> float:
        newest = self._observer.newest()
        return newest[1] - self._begin_s if newest else 0.0


def _failures(facts: dict[str, Any], cause: str = "") -> int:
    """How many failures capture has counted so far, of one cause or all."""
    counts: dict[str, int] = facts.get("counts") or {}
    return sum(n for name, n in counts.items() if name.startswith(f"failed: {cause}"))


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@dataclass(frozen=True)
class Scripted:
    """Makes the faults of a drill on a camera of kind `faulty`, in its folder."""

    kind: DrillKind
    folder: Path

    def make(self) -> None:
        """Order them; raises Refused."""
        for name, parameters in self.kind.faults.items():
            faults.order(self.folder, name, **parameters)

    def lift(self) -> None:
        """Take back what lasts or has not acted."""
        for name in self.kind.faults:
            faults.ensure_lifted(self.folder, name)


class Hung:
    """The fault `unkillable`: a file system whose only file never answers (root, Linux)."""

    def __init__(self, folder: Path, mount_at: Path, clock: Clock) -> None:
        self._folder, self._mount_at, self._clock = folder, mount_at, clock
        self._file: hung_file.HungFile | None = None

    def make(self) -> None:
        """Mount it and let the camera read it; raises Refused with the reason where that can't be."""
        self._mount_at.mkdir(parents=True, exist_ok=True)
        self._file = hung_file.mount(self._mount_at, self._clock)
        faults.order(self._folder, "unkillable", path=str(self._file.path))

    def lift(self) -> None:
        """Unmount it, which frees who hangs there."""
        if self._file is not None:
            self._file.ensure_unmounted()
            self._file = None


@dataclass(frozen=True)
class Signalled:
    """The same fault on a camera that is really captured: a signal to its worker."""

    kind: DrillKind
    observer: Observer

    def check(self) -> None:
        """Raises Refused when this kind can't be made so, or the camera is not well without it."""
        if not self.kind.signal:
            raise Refused(f"{self.kind.name} can't be made in a camera that is in use")
        facts = self.observer.facts()
        if not facts.get("worker_pid") or facts.get("consecutive_failures") or facts.get("stale"):
            raise Refused("a drill needs a camera that works; see --status")

    def make(self) -> None:
        """Send it; raises Refused as `check` does."""
        self.check()
        os.kill(self.observer.facts()["worker_pid"], getattr(signal, self.kind.signal))

    def lift(self) -> None:
        """Nothing is left of it."""
