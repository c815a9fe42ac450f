"""What to do when a process ends, decided purely."""

from __future__ import annotations

from dataclasses import dataclass

from greencam.base.errors import EXIT_CONFIG, EXIT_ENDED

HEALTHY_S = 60.0
FIRST_S, LIMIT_S = 0.5, 30.0


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
