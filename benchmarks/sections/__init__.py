"""The parts of a run; each measures one claim and returns its figures, its tables' rows and its targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.plan import Plan
from benchmarks.sections import cameras, encodes, jpeg, paced, unpaced

Section = Callable[[Plan], dict[str, Any]]

SECTIONS: dict[str, Section] = {
    "unpaced": unpaced.measure,
    "paced": paced.measure,
    "jpeg": jpeg.measure,
    "encodes": encodes.measure,
    "cameras": cameras.measure,
}
