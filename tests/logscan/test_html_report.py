"""The HTML report: nothing from a log can run in it, it needs no network, and its charts draw in a real browser."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from greencam.apps import log_insight
from greencam.base.clock import SystemClock
from greencam.logscan import log_files
from greencam.logscan.analysis import Analysis, with_aliases
from greencam.logscan.blocks import Window
from greencam.logscan.html_report import UPLOT, page
from greencam.logscan.moments import iso
from greencam.logscan.report_text import verdict
from tests.logscan import made_days

HOSTILE = (
    "<script>document.documentElement.dataset.pwned=1</script>",
    '"><img src=x onerror="document.documentElement.dataset.pwned=1">',
    "</script><script>document.documentElement.dataset.pwned=1</script>",
    "</style></title><!-- <svg onload=alert(1)> --> ]]>",
    "'; alert(1); //",
    "\x1b]0;pwned\x07\x1b[2J \u202e \u2028",
)


class Tags(HTMLParser):
    """Every tag and attribute name, and where text stands."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.update(name for name, _ in attrs)
        self.links += [value or "" for name, value in attrs if name in {"src", "href", "action", "data"}]


def report_of(folder: Path) -> dict[str, Any]:
    logs = log_files.in_folder(folder / "logs", folder)
    sections = log_insight.sections(charts=True)
    analysis = Analysis(logs, Window(), lambda _: None)
    analysis.run([section.collector for section in sections])
    summary = analysis.summary()
    now_s = SystemClock().wall()
    return {
        **with_aliases(analysis.logs()),
        "generated": iso(now_s),
        "verdict": verdict(summary),
        "summary": summary,
        **{section.name: section.collector.result() for section in sections},
        "troubles": analysis.troubles.result(),
        "comparison": log_insight.compared(logs, None, now_s, lambda _: None),
    }


def hostile(folder: Path) -> Path:
    """Logs whose every part that a stranger may have a say in is hostile."""
    days, _ = made_days.make(1)
    for n, text in enumerate(HOSTILE * 3):
        at_s = days.begin_s + 600.0 * n
        days.say(at_s, "ERROR", f"client[{text[:20].replace(' ', '')}]", f"{text} {n}")
        days.camera(at_s + 90, text.replace(" ", ""), text, "timeout")
        facts = {"service": text, "status": False, "details": {"failures": 1, "error": text}, "uptime": 1.0}
        days.mark(at_s, "INFO", "CONNECTION", {**facts, "source": text})
        days.mark(at_s, "ERROR", "ISSUE", {"issue_type": text, "message": text, "severity": "ERROR", "count": 1})
        days.perf(at_s, text + "_duration", {text: n + 1.0}, text)
        days.perf(at_s + 300, text + "_duration", {text: n + 2.0}, text)
    days.write(folder)
    return folder


@pytest.fixture(scope="module")
def hostile_page(tmp_path_factory: pytest.TempPathFactory) -> str:
    return page(report_of(hostile(tmp_path_factory.mktemp("hostile"))))


def test_hostile_lines_make_no_tag_and_no_attribute(hostile_page: str, tmp_path: Path) -> None:
    days, _ = made_days.make(1)
    days.write(tmp_path)
    calm, seen = Tags(), Tags()
    calm.feed(page(report_of(tmp_path)))
    seen.feed(hostile_page)
    assert "pwned" in hostile_page  # they are there, as text
    assert set(seen.tags) <= set(calm.tags) | {"article", "details"}
    assert {name for name in seen.attributes if name.startswith("on")} == set()
    assert seen.tags.count("script") == calm.tags.count("script") == 3
    assert "img" not in seen.tags
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e\u2028]", hostile_page)


def test_the_page_needs_nothing_from_elsewhere(hostile_page: str) -> None:
    seen = Tags()
    seen.feed(hostile_page)
    assert [link for link in seen.links if not link.startswith("#incident-")] == []
    assert "default-src &#x27;none&#x27;" in hostile_page
    head = hostile_page.partition("<style>")[0]
    assert "unsafe" not in head


def test_the_licence_of_the_charts_comes_along(hostile_page: str) -> None:
    assert "Permission is hereby granted" in hostile_page
    assert "MIT" in (UPLOT / "LICENSE").read_text()


def test_an_empty_log_makes_a_page_too(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "errors.log").touch()
    assert "No incident" in page(report_of(tmp_path))


BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here")
def test_charts_draw_and_nothing_foreign_runs_in_a_real_browser(hostile_page: str, tmp_path: Path) -> None:
    assert BROWSER is not None
    file = tmp_path / "report.html"
    file.write_text(hostile_page)
    options = [
        "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--virtual-time-budget=5000",
        f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom",
    ]  # fmt: skip
    shown = subprocess.run([BROWSER, *options, file.as_uri()], capture_output=True, text=True, timeout=100)
    drawn = re.search(r'<html[^>]* data-charts="(\d+)"', shown.stdout)
    assert drawn, shown.stderr[-2000:]
    assert int(drawn[1]) >= 5
    assert shown.stdout.count("<canvas") == int(drawn[1])
    assert "data-pwned" not in shown.stdout
    assert [line for line in shown.stderr.splitlines() if "CONSOLE" in line] == []
