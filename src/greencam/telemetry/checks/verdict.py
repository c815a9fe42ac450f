"""A check's result, and how a value is held against two thresholds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """How serious; `unknown` is what this machine does not tell or what has not happened yet, and alarms nobody."""

    OK = "ok"
    UNKNOWN = "unknown"
    WARNING = "warning"
    CRITICAL = "critical"


_RANK = {verdict: rank for rank, verdict in enumerate(Verdict)}


@dataclass(frozen=True)
class Limits:
    """Where a value begins to be bad; None: never. `unit` is that of the value, such as `%`, `s`, `MB`."""

    warning: float | None
    critical: float | None
    unit: str

    def verdict(self, value: float) -> Verdict:
        """The verdict on a value that is the worse the higher it is; a threshold itself is bad already."""
        if self.critical is not None and value >= self.critical:
            return Verdict.CRITICAL
        return Verdict.WARNING if self.warning is not None and value >= self.warning else Verdict.OK

    def verdict_on_low(self, value: float) -> Verdict:
        """The same for a value that is the worse the lower it is."""
        if self.critical is not None and value <= self.critical:
            return Verdict.CRITICAL
        return Verdict.WARNING if self.warning is not None and value <= self.warning else Verdict.OK

    def as_dict(self) -> dict[str, float | None]:
        """Plain values for JSON."""
        return {"warning": self.warning, "critical": self.critical}


NO_LIMITS = Limits(None, None, "")


@dataclass(frozen=True)
class Check:
    """One check: which component, which name in it (`cam1 frame age`), the value, its limits, verdict and reason.

    The reason is one sentence; when the verdict is a warning or critical it tells what to do.
    """

    component: str
    name: str
    value: Any
    verdict: Verdict
    reason: str
    limits: Limits = NO_LIMITS

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "component": self.component,
            "name": self.name,
            "value": self.value,
            "unit": self.limits.unit or None,
            "threshold": self.limits.as_dict() if self.limits != Limits(None, None, self.limits.unit) else None,
            "verdict": str(self.verdict),
            "reason": self.reason,
        }


def measured(component: str, name: str, value: float | None, limits: Limits, words: tuple[str, str]) -> Check:
    """A value against its limits; `words` are what it is called, and what to do when there is too much of it."""
    what, fix = words
    if value is None:
        return Check(component, name, None, Verdict.UNKNOWN, f"this machine does not tell its {what}", limits)
    verdict = limits.verdict(value)
    told = f"{what} {value:g} {limits.unit}".rstrip()
    if verdict in {Verdict.WARNING, Verdict.CRITICAL}:
        limit = limits.critical if verdict is Verdict.CRITICAL else limits.warning
        told = f"{told}, limit {limit:g}; {fix}"
    return Check(component, name, value, verdict, told, limits)


def worst(checks: Iterable[Check]) -> Verdict:
    """The most serious verdict; ok without any, and ok when some are merely unknown."""
    found = max((check.verdict for check in checks), key=_RANK.__getitem__, default=Verdict.OK)
    return Verdict.OK if found is Verdict.UNKNOWN else found


def by_severity(checks: Iterable[Check]) -> list[Check]:
    """The most serious first, else as they come."""
    return sorted(checks, key=lambda check: -_RANK[check.verdict])
