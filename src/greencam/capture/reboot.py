"""Level 4, decided purely: whether this machine may be asked to reboot for a camera, and if not, why not.

The budget (1 per hour, 3 per day) is kept in time that the machine was seen running, never in wall time. A
Raspberry Pi has no clock of its own: it starts at an old time or at 1970 and jumps when it reaches a time server.
A budget in wall time would then either be free after each jump ahead, reboot after reboot, or blocked until the
clock has caught up with an entry that a wrong clock wrote. `RunningTime` only adds up uptimes, so:

* an entry is at least as old as it seems, and so the budget holds whatever the wall clock does;
* every entry gets older with every hour of running, so no clock can block a reboot for more than a day of that;
* time that the machine was switched off, or ran without anybody looking, does not count: it may wait too long.

deploy/reboot/greencam-reboot keeps a budget of its own by the same rule; a test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from greencam.settings.machine_model import CameraRecoverySettings

HOUR_S = 3600.0
DAY_S = 86400.0


class Reason(StrEnum):
    """Why a reboot is asked for; the helper knows the same words and no others."""

    UNKILLABLE = "unkillable"
    RECOVERIES_FAILED = "recoveries_failed"


@dataclass(frozen=True)
class RunningTime:
    """Seconds that this machine was seen running, across reboots: `ran_s` at `uptime_s` of the boot `boot`."""

    boot: str = ""
    uptime_s: float = 0.0
    ran_s: float = 0.0

    def at(self, boot: str, uptime_s: float) -> RunningTime:
        """The same seen later: at `uptime_s` of that boot (the kernel's boot_id)."""
        if boot != self.boot:
            return RunningTime(boot, uptime_s, self.ran_s + max(0.0, uptime_s))
        later_s = max(uptime_s, self.uptime_s)
        return RunningTime(boot, later_s, self.ran_s + later_s - self.uptime_s)


@dataclass(frozen=True)
class RebootFacts:
    """What is known when a reboot is considered.

    `outage_s` since the last good frame, `uptime_s` of the machine; `history` and `now_ran_s` are moments of the
    machine's running time (`RunningTime.ran_s`): of earlier requests, and now.
    """

    local: bool
    failures: int
    failed_recoveries: int
    unkillable: bool
    outage_s: float
    uptime_s: float
    held: bool
    history: tuple[float, ...] = ()
    now_ran_s: float = 0.0

    @property
    def reason(self) -> Reason:
        """The word for the helper."""
        return Reason.UNKILLABLE if self.unkillable else Reason.RECOVERIES_FAILED


@dataclass(frozen=True)
class RebootLimits:
    """What has to be so before a reboot is asked for; counts in a row, seconds, requests."""

    failures: int = 10
    failed_recoveries: int = 5
    outage_s: float = 150.0
    uptime_s: float = 600.0
    per_hour: int = 1
    per_day: int = 3

    @classmethod
    def of(cls, settings: CameraRecoverySettings) -> RebootLimits:
        """Those that follow from CAMERA_RECOVERY_SETTINGS: an outage lasts at least all recoveries' cool-downs."""
        return cls(
            failures=settings.system_reboot_threshold,
            failed_recoveries=settings.max_recovery_attempts,
            outage_s=settings.recovery_cooldown * settings.max_recovery_attempts,
        )


def refusal(facts: RebootFacts, limits: RebootLimits) -> str:
    """Empty when a reboot may be asked for, else one sentence for people that says why not.

    For a worker that can't be killed too: each probe that finds it still there counts as a failed recovery.
    """
    return _by_camera(facts, limits) or _by_machine(facts, limits) or _by_budget(facts, limits)


# Every comparison is one that NaN fails, so that a figure that is none refuses.


def _by_camera(facts: RebootFacts, limits: RebootLimits) -> str:
    if not facts.local:
        return "a reboot of this machine does not mend a camera that is elsewhere"
    if not facts.failures >= limits.failures:
        return f"{facts.failures} of {limits.failures} failures in a row so far"
    if not facts.failed_recoveries >= limits.failed_recoveries:
        return f"{facts.failed_recoveries} of {limits.failed_recoveries} recoveries have failed so far"
    if not facts.outage_s >= limits.outage_s:
        return f"no good frame for {facts.outage_s:.0f} s; a reboot is considered after {limits.outage_s:g} s"
    return ""


def _by_machine(facts: RebootFacts, limits: RebootLimits) -> str:
    if facts.held:
        return "an operator holds reboots back"
    if not facts.uptime_s > limits.uptime_s:
        return f"this machine is up for {facts.uptime_s:.0f} s; a reboot is considered after {limits.uptime_s:g} s"
    return ""


def _by_budget(facts: RebootFacts, limits: RebootLimits) -> str:
    for span_s, allowed, span in ((HOUR_S, limits.per_hour, "hour"), (DAY_S, limits.per_day, "day")):
        # One that seems to lie ahead (a file that somebody changed) counts as just now.
        recent = sum(not facts.now_ran_s - moment >= span_s for moment in facts.history)
        if recent >= allowed:
            return f"{recent} of {allowed} reboots per {span} of running are used up"
    return ""
