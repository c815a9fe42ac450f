"""The recovery ladder, decided purely: from what failed and what was tried to the next rung.

1 retry with a timeout, 2 restart the stream in the same worker, 3 replace the worker, 4 ask for a reboot
(guide 2, "Progressive Recovery Strategy"). The ladder never ends: after rung 3 comes rung 3 again, with pauses
that grow; rung 4 is a wish beside it, not a step that capture waits for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

from greencam.capture.causes import CauseClass, class_of

_SPREAD = 0.2  # pauses differ by ±20 %, so that many cameras do not come back at once


class Rung(IntEnum):
    """What is tried; a higher one costs more and cures more."""

    RETRY = 1
    RESTART = 2
    REPLACE = 3
    REBOOT = 4

    @property
    def words(self) -> str:
        """The rung for people."""
        return ("retry", "restart stream", "replace worker", "reboot")[self - 1]


# Where a cause starts as long as nothing was learned: guide 2, "Recovery Scenarios". A camera that can't be
# opened or that crashed leaves nothing to restart.
_DEFAULT_START = {
    CauseClass.TIMEOUT: Rung.RETRY,
    CauseClass.BUFFER: Rung.RESTART,
    CauseClass.DISCONNECTED: Rung.RESTART,
    CauseClass.FROZEN: Rung.RESTART,
    CauseClass.INITIALISATION: Rung.REPLACE,
    CauseClass.HARDWARE: Rung.REPLACE,
}


@dataclass(frozen=True)
class Limits:
    """The figures of CAMERA_RECOVERY_SETTINGS; seconds where the name says so.

    `silent_s` is the guide's "no successful capture for 30+ seconds", `longest_pause_s` its recovery_cooldown.
    """

    max_failures: int = 3
    max_recoveries: int = 5
    reboot_failures: int = 10
    longest_pause_s: float = 30.0
    silent_s: float = 30.0
    first_pause_s: float = 0.5
    hopeless_pause_s: float = 60.0


@dataclass(frozen=True)
class Fault:
    """One failure: its cause, whether the worker waits for an order, whether trying again can help at all.

    `silent_s`: seconds since the last good frame.
    """

    cause: str
    polite: bool = False
    hopeful: bool = True
    silent_s: float = 0.0


@dataclass(frozen=True)
class Ladder:
    """Where a camera stands; a camera that works has all zeros.

    `failures` in a row since the last good frame; `failed_recoveries` counts rung 3 only; `rung` is what is being
    tried; `troubled_s` is when the outage began, monotonic.
    """

    failures: int = 0
    failed_recoveries: int = 0
    rung: Rung | None = None
    cause: str = ""
    troubled_s: float = 0.0

    @property
    def kind(self) -> CauseClass:
        """Class of the latest cause."""
        return class_of(self.cause)


@dataclass(frozen=True)
class Step:
    """Try this rung after a pause in seconds."""

    rung: Rung
    pause_s: float


def default_start(cause: str) -> Rung:
    """The rung that this cause begins with before anything was learned."""
    return _DEFAULT_START[class_of(cause)]


def after_failure(
    ladder: Ladder, fault: Fault, limits: Limits, start: Rung, draw: float, now_s: float
) -> tuple[Ladder, Step]:
    """Count a failure and choose what to do; `start` is the rung to begin with, `draw` a number in [0, 1)."""
    failed_before = ladder.failed_recoveries + (ladder.rung is Rung.REPLACE)
    rung = _next_rung(ladder, fault, limits, start)
    after = Ladder(
        failures=ladder.failures + 1,
        failed_recoveries=failed_before,
        rung=rung,
        cause=fault.cause,
        troubled_s=ladder.troubled_s if ladder.failures else now_s,
    )
    return after, Step(rung, _pause_s(after, fault, limits, draw))


def _next_rung(ladder: Ladder, fault: Fault, limits: Limits, start: Rung) -> Rung:
    if not fault.polite or ladder.rung in {Rung.RESTART, Rung.REPLACE}:
        return Rung.REPLACE
    kind = class_of(fault.cause)
    patient = ladder.failures + 1 < limits.max_failures and fault.silent_s < limits.silent_s
    if kind is CauseClass.TIMEOUT and patient and start is Rung.RETRY:
        return Rung.RETRY
    return max(Rung.RESTART, min(start, Rung.REPLACE))


def _pause_s(ladder: Ladder, fault: Fault, limits: Limits, draw: float) -> float:
    """None at first; then from first_pause_s doubling to longest_pause_s, spread by ±20 %."""
    if not fault.hopeful:
        return limits.hopeless_pause_s
    if ladder.rung is not Rung.REPLACE or not ladder.failed_recoveries:
        return 0.0
    doublings = min(ladder.failed_recoveries - 1, 32)
    plain_s = min(limits.longest_pause_s, limits.first_pause_s * 2.0**doublings)
    return min(limits.longest_pause_s, plain_s * (1 + _SPREAD * (2 * draw - 1)))


def still_there(ladder: Ladder) -> Ladder:
    """A worker that ignores SIGKILL was found again: one more failure and one more failed recovery."""
    return replace(
        ladder,
        failures=ladder.failures + 1,
        failed_recoveries=ladder.failed_recoveries + 1,
        cause="unkillable",
    )


def wants_reboot(ladder: Ladder, limits: Limits) -> bool:
    """Whether everything below rung 4 has failed often enough (guide 2, "System Reboot Prevention")."""
    return ladder.failures >= limits.reboot_failures and ladder.failed_recoveries >= limits.max_recoveries
