"""docs/reliability.md: a page whose sections are written by commands, each between its own marks."""

from __future__ import annotations

import re
from pathlib import Path

from greencam.base.files import write_atomic

HEAD = """# Reliability

What happens when things fail, measured from outside the suite by commands of this repository. Each section names
its command, machine and date; do not edit what is between the marks.
"""


def put(path: Path, name: str, text: str) -> None:
    """Replace the section of that name, or append it."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    section = f"{begin}\n{text.strip()}\n{end}"
    page = path.read_text() if path.exists() else HEAD
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    known = pattern.search(page) is not None
    page = pattern.sub(lambda _: section, page) if known else f"{page.rstrip()}\n\n{section}\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, page.encode(), 0o644)


def machine_line(facts: dict[str, object]) -> str:
    """The machine in one line for a section's head."""
    what = f"{facts['cpu']}, {facts['cores']} cores, {facts['kernel']}, Python {facts['python']}"
    return f"{facts['date']}, commit {facts['commit']}; {what}; load before {facts['load_before']}."
