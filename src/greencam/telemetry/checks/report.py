"""All checks of one look together: sections for programs, the flat list, the verdict and the exit code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from greencam.base.errors import EXIT_FAILED, EXIT_OK
from greencam.telemetry.checks.verdict import Check, Verdict, worst

EXIT_CRITICAL = 2
_CODES = {Verdict.OK: EXIT_OK, Verdict.WARNING: EXIT_FAILED, Verdict.CRITICAL: EXIT_CRITICAL}


@dataclass(frozen=True)
class Section:
    """A component: what is known of it, and the checks of it."""

    facts: Mapping[str, Any]
    checks: tuple[Check, ...]


@dataclass(frozen=True)
class Report:
    """One look; `sections` by component, `wall_s` when it began, `took_s` how long it took."""

    sections: Mapping[str, Section]
    wall_s: float
    took_s: float
    runs: bool

    @property
    def checks(self) -> list[Check]:
        """Every check, in the order of the sections."""
        return [check for section in self.sections.values() for check in section.checks]

    @property
    def verdict(self) -> Verdict:
        """The worst of all."""
        return worst(self.checks)

    @property
    def exit_code(self) -> int:
        """0 ok, 1 warning, 2 critical."""
        return _CODES[self.verdict]

    def as_dict(self) -> dict[str, Any]:
        """The JSON of docs/reference/health-check.md."""
        return {
            "time": datetime.fromtimestamp(self.wall_s).astimezone().isoformat(timespec="milliseconds"),
            "status": str(self.verdict),
            "exit_code": self.exit_code,
            "running": self.runs,
            "took_s": round(self.took_s, 3),
            **{
                name: {**section.facts, "status": str(worst(section.checks))}
                for name, section in self.sections.items()
            },
            "checks": [check.as_dict() for check in self.checks],
        }
