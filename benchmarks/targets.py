"""What was promised and what came out; a promise that was missed is shown as missed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.measure import Spread


@dataclass(frozen=True)
class Target:
    """A promise in words, the bound in words, what was measured, whether its median keeps the bound."""

    what: str
    wanted: str
    measured: str
    met: bool

    def as_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        return asdict(self)


def at_least(what: str, bound: float, found: Spread, unit: str = "×") -> Target:
    """Kept when the median reaches the bound."""
    return Target(what, f"≥ {bound:g} {unit}", worded(found, unit), found.median >= bound)


def at_most(what: str, bound: float, found: Spread, unit: str = "×") -> Target:
    """Kept when the median does not exceed the bound."""
    return Target(what, f"≤ {bound:g} {unit}", worded(found, unit), found.median <= bound)


def worded(found: Spread, unit: str) -> str:
    """Median and, in brackets, smallest and largest."""
    return f"{figure(found.median)} {unit} ({figure(found.low)}–{figure(found.high)})"


def figure(value: float) -> str:
    """A number with about three digits that matter."""
    size = abs(value)
    if size >= 100 or value == int(value):
        return f"{value:.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 1 else f"{value:.3f}"
