"""Made logs are what they are called, and a section of its own survives the page being written anew."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from benchmarks import log_lines, marked
from tests.logscan.making import scanned


@pytest.mark.parametrize(
    ("kind", "form"), [("suite", "greencam"), ("measurements", "greencam"), ("syslog", "syslog")]
)
def test_made_logs_are_read_without_trouble(tmp_path: Path, kind: str, form: str) -> None:
    path = tmp_path / "x.log"
    count = log_lines.write(path, kind, 300_000)
    entries, scan, troubles = scanned(path)
    assert (scan.format, scan.counts.lines, scan.counts.unreadable) == (form, count, 0)
    assert sum(entry.times for entry in entries) == count
    assert troubles.result() == []
    assert list(itertools.islice(log_lines.lines(kind, 1), 9)) == path.read_text().splitlines(keepends=True)[:9]


def test_marked_sections_are_found_whole(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    assert marked.sections(page) == []
    marked.put(page, "one", "first")
    marked.put(page, "two", "second")
    assert marked.sections(page) == [
        "<!-- begin one -->\nfirst\n<!-- end one -->\n",
        "<!-- begin two -->\nsecond\n<!-- end two -->\n",
    ]
