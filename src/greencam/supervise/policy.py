"""What to do when a process ends, hangs, or a whole group fails, decided purely.

The shape is that of OTP's supervisors (intensity, escalation) without their end: nothing stays down for good.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from greencam.base.errors import EXIT_CONFIG, EXIT_ENDED

HEALTHY_S = 60.0
FIRST_S, LIMIT_S = 0.5, 30.0
SETTLED_S = 10.0
WINDOW_S = 300.0
RESTARTS_PER_MEMBER = 5


@dataclass(frozen=True)
class Verdict:
    """Whether to start it again, after how many seconds, and whether its troubles count as over."""

    restart: bool
    delay_s: float
    fresh: bool


def after_exit(code: int, uptime_s: float, backoff_s: float) -> Verdict:
    """Judge an exit: a recording that ended is done, everything else comes back, also after a clean exit 0.

    For only the supervisor stops processes: whoever else sent SIGTERM (a person, the kernel's memory guard) did
    not mean for ever. `backoff_s` is the next delay that the child's back-off would give. A child that ran well
    for a minute starts afresh; one with bad settings waits the longest, because only a person can mend those,
    and yet comes back by itself once they are mended.
    """
    if code == EXIT_ENDED:
        return Verdict(restart=False, delay_s=0.0, fresh=True)
    if code == EXIT_CONFIG:
        return Verdict(restart=True, delay_s=LIMIT_S, fresh=False)
    if uptime_s >= HEALTHY_S:
        return Verdict(restart=True, delay_s=FIRST_S, fresh=True)
    return Verdict(restart=True, delay_s=backoff_s, fresh=False)


@dataclass(frozen=True)
class Patience:
    """How long a process may give no sign of work: until its first one, and between two, in seconds."""

    first_s: float
    next_s: float


@dataclass(frozen=True)
class Signs:
    """When a process was started, when we began to look at it without a pause of our own, and its last beat."""

    started_s: float
    looked_s: float
    beat_s: float | None

    def own_beat_s(self, now_s: float) -> float | None:
        """The beat of this very process: one from before its start is its predecessor's, one to come nobody's."""
        return self.beat_s if self.beat_s is not None and self.started_s <= self.beat_s <= now_s else None


def silence_s(signs: Signs, now_s: float) -> float:
    """For how long it has given no sign of work while we looked."""
    return now_s - max(signs.own_beat_s(now_s) or signs.started_s, signs.looked_s)


def hangs(patience: Patience, signs: Signs, now_s: float) -> bool:
    """Whether a process that is there gets no work done."""
    first = signs.own_beat_s(now_s) is None
    return silence_s(signs, now_s) > (patience.first_s if first else patience.next_s)


@dataclass(frozen=True)
class Allowance:
    """What one process with its descendants may have: private memory in bytes, open files; 0 is no limit."""

    memory_bytes: int = 0
    files: int = 0


NO_LIMIT = Allowance()


class Escalation(Enum):
    """What a group's failures lead to."""

    NONE = "none"
    RESTART_GROUP = "restart the group"
    GIVE_UP = "give up"


@dataclass(frozen=True)
class GroupFacts:
    """A group at one moment: times of failures, its size, how many run well, when it was last restarted as a whole.

    `vital_elsewhere` tells that a camera outside this group works: then the suite is worth more than a fresh start.
    """

    failures_s: Sequence[float]
    members: int
    settled: int
    regrouped_s: float | None = None
    vital_elsewhere: bool = False


def escalate(facts: GroupFacts, now_s: float) -> Escalation:
    """Restart a group in which nothing works after five failures per member within five minutes; then give up.

    One member that works keeps the others from costing it anything: they go on by themselves, at growing pauses.
    """
    since_s = now_s - WINDOW_S
    if facts.regrouped_s is not None:
        since_s = max(since_s, facts.regrouped_s)
    recent = sum(since_s < at_s for at_s in facts.failures_s)
    if facts.settled or not facts.members or recent < RESTARTS_PER_MEMBER * facts.members:
        return Escalation.NONE
    if facts.regrouped_s is None or now_s - facts.regrouped_s > 2 * WINDOW_S:
        return Escalation.RESTART_GROUP
    return Escalation.NONE if facts.vital_elsewhere else Escalation.GIVE_UP


@dataclass(frozen=True)
class StopStep:
    """One rank's part of a stop: monotonic times: when SIGKILL follows, and when nobody waits any longer."""

    kill_at_s: float
    leave_at_s: float


KILLED_S = 0.5


def stop_step(grace_s: float, later_graces_s: Sequence[float], now_s: float, end_s: float) -> StopStep:
    """Share what is left until the one deadline: to every rank its grace, in proportion when that is too much."""
    wanted_s = grace_s + sum(later_graces_s)
    there_s = max(0.0, end_s - now_s - KILLED_S * (1 + len(later_graces_s)))
    kill_at_s = now_s + grace_s * min(1.0, there_s / wanted_s if wanted_s > 0 else 0.0)
    return StopStep(kill_at_s, max(kill_at_s, min(kill_at_s + KILLED_S, end_s)))
