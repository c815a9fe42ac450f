"""Generated sections of a page that several commands write to, each between its own two markers."""

from __future__ import annotations

import re
from pathlib import Path

from greencam.base.files import write_atomic

_HEAD = (
    "# Reliability\n\nMeasured, not promised: each section is written by the command that it names; do not edit.\n"
)


def put(page: Path, name: str, text: str) -> None:
    """Replace the section of this name, or add it at the end of the page; the other sections stay as they are."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    section = f"{begin}\n{text.strip()}\n{end}"
    known = page.read_text() if page.is_file() else _HEAD
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    there = pattern.search(known) is not None
    known = pattern.sub(lambda _: section, known) if there else f"{known.rstrip()}\n\n{section}\n"
    page.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(page, known.encode(), 0o644)


def sections(page: Path) -> list[str]:
    """Every section of the page between its markers, for a command that writes the rest of the page anew."""
    text = page.read_text() if page.is_file() else ""
    return [f"{found[0]}\n" for found in re.finditer(r"<!-- begin (.+?) -->.*?<!-- end \1 -->", text, re.DOTALL)]
