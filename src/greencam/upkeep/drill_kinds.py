"""The drills: which fault is made, what it stands for, what has to happen and how soon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Expect(StrEnum):
    """What a suite has to do about a fault."""

    RECOVERY = "recovery"  # notice and bring frames back by itself
    WARNING = "warning"  # tell the owner; nothing can be mended
    RETURN = "return"  # notice, and go on when the fault is lifted
    QUARANTINE = "quarantine"  # name the worker, leave it alone, let the other cameras go on
    SURVIVAL = "survival"  # reject it and go on: no failure at all


@dataclass(frozen=True)
class Goal:
    """How soon, in seconds: `detect_s` after the last good frame, or after the deadline where `after_deadline`;
    `frame_s` from detection, or from the lifting of a fault, to the next good frame."""

    detect_s: float
    frame_s: float = 5.0
    after_deadline: str = ""  # "", "frame" or "open"


@dataclass(frozen=True)
class DrillKind:
    """One drill: the faults to order in camera/faults.py with their parameters, in this order."""

    name: str
    what: str
    expect: Expect
    goal: Goal
    faults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    finding: str = ""
    cause: str = ""
    signal: str = ""  # what does the same to a real camera's worker
    frames_go_on: bool = False  # then time counts from the order, not from the last frame


_LATE = Goal(0.5, 5.0, "frame")
_DEAD = Goal(1.0, 2.0)
_ONCE: Mapping[str, Any] = {}


def _mends(name: str, what: str, goal: Goal, **more: Any) -> DrillKind:
    return DrillKind(name, what, Expect.RECOVERY, goal, more.pop("faults", {name: _ONCE}), **more)


def _freezes(name: str, what: str) -> DrillKind:
    return DrillKind(name, what, Expect.RETURN, Goal(3.0), {name: _ONCE}, frames_go_on=True)


def _shows(name: str, what: str, goal: Goal, faults: Mapping[str, Any] = _ONCE) -> DrillKind:
    return DrillKind(name, what, Expect.WARNING, goal, {name: faults}, finding=name, frames_go_on=True)


_ALL = (
    _mends("hang", "a library waits for its own lock for ever", _LATE, signal="SIGSTOP"),
    _mends("hang-c", "a C call hangs and never gives the interpreter back", _LATE),
    _mends("stop", "the worker is stopped (SIGSTOP)", _LATE, signal="SIGSTOP"),
    _mends("crash", "the driver crashes (SIGSEGV)", _DEAD, signal="SIGSEGV"),
    _mends("kill", "the kernel kills the worker (SIGKILL)", _DEAD, signal="SIGKILL"),
    _mends("exit", "a library ends the worker", _DEAD),
    _mends("timeout", "the driver says that no frame came", _LATE, faults={"timeout": {"times": 3}}),
    _mends("buffer", "the frontend gets no buffers, only its log says so", Goal(6.0)),
    _mends("io", "the sensor does not answer on its bus", _DEAD),
    _freezes("freeze", "the same picture with the same time again and again"),
    _freezes("freeze-picture", "the same picture under new times"),
    _shows("black", "a covered lens", Goal(8.0)),
    _shows("uniform", "a grabber without a signal", Goal(8.0)),
    _shows("slow", "a fifth of the rate", Goal(20.0), {"share": 0.2}),
    DrillKind(
        "disconnect", "the camera is unplugged and plugged in again", Expect.RETURN, Goal(1.0), {"disconnect": {}}
    ),
    DrillKind("garbage", "a picture of another size than announced", Expect.SURVIVAL, Goal(2.0), {"garbage": {}}),
    _mends(
        "open-fail",
        "the driver does not come up at once",
        Goal(1.0, 8.0),
        faults={"open-fail": {"times": 3}, "kill": _ONCE},
    ),
    _mends(
        "hang-open",
        "the driver hangs while it opens",
        Goal(1.5, 5.0, "open"),
        faults={"hang-open": _ONCE, "kill": _ONCE},
        cause="open timeout",
    ),
    _mends(
        "hang-close",
        "the driver hangs while it is stopped",
        Goal(1.0, 8.0),
        faults={"hang-close": _ONCE, "io": _ONCE},
    ),
    DrillKind("unkillable", "the driver hangs in the kernel (state D)", Expect.QUARANTINE, Goal(5.0, 8.0, "frame")),
)
KINDS = {kind.name: kind for kind in _ALL}
