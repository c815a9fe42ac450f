"""When a durable consumer is given up, decided purely."""

from __future__ import annotations

from dataclasses import dataclass

from greencam.bus.durable_spool import Lag


@dataclass(frozen=True)
class LagLimits:
    """How far a consumer may be behind before frames are no longer kept for it: bytes and seconds."""

    size_bytes: int
    age_s: float


def overdue(lag: Lag, limits: LagLimits, connected_s: float) -> str:
    """Why a consumer this far behind is released, or empty.

    `connected_s` is for how long it could have read: while Redis is away nobody is late.
    """
    if not lag.frames:
        return ""
    late_s = min(lag.age_s, connected_s)
    if late_s > limits.age_s:
        return f"has taken nothing for {late_s:.0f} s (max_lag_s is {limits.age_s:g})"
    if lag.size_bytes > limits.size_bytes and connected_s > _GRACE_S:
        return f"is {lag.size_bytes / 2**20:.1f} MB behind (max_lag_mb is {limits.size_bytes / 2**20:g})"
    return ""


_GRACE_S = 5.0  # after an outage everybody is behind: that long they may take to catch up before bytes count
