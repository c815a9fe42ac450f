"""`log_analyzer.py --incidents`, `--compare` and `--html` as people run them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.logscan import made_days
from tests.suite import CHECKOUT


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project's folder with two made days of logs."""
    folder: Path = tmp_path_factory.mktemp("root")
    days, _ = made_days.make(3)
    days.write(folder)
    return folder


def run(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GREENCAM_")}
    command = [sys.executable, str(CHECKOUT / "log_analyzer.py"), *words]
    environment = {**kept, "GREENCAM_ROOT": str(root)}
    return subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True, timeout=60)


def test_the_report_begins_with_what_happened(root: Path) -> None:
    found = run(root)
    assert (found.returncode, found.stderr) == (0, "")
    lines = found.stdout.splitlines()
    assert lines.index(next(line for line in lines if line.startswith("INCIDENTS  12"))) < 8
    assert any(line.startswith("KINDS OF WARNINGS AND ERRORS") for line in lines)
    assert max(map(len, lines)) <= 80


def test_incidents_alone_for_people_and_for_programs(root: Path) -> None:
    assert run(root, "--incidents").stdout.startswith("INCIDENTS  12 since")
    found = json.loads(run(root, "--incidents", "--json").stdout)
    assert (found["count"], len(found["list"])) == (12, 12)
    verdict = run(root, "--query", ".incidents.list[0].verdict")
    assert verdict.stdout.strip() == found["list"][0]["verdict"]


def test_the_comparison_says_with_what_or_why_not(root: Path) -> None:
    found = json.loads(run(root, "--compare", "--json").stdout)
    assert found["with"] in {None, "the time just before"}
    assert found["why"]
    assert run(root, "--compare").stdout.startswith("COMPARISON  ")


def test_a_page_is_written_for_its_owner_only(root: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    found = run(root, "--html", str(page))
    assert found.stdout.startswith(f"{page}: written, ")
    assert page.stat().st_mode & 0o777 == 0o600
    assert page.read_text().startswith("<!doctype html>")


@pytest.mark.parametrize("place", ["nowhere/report.html", "logs/errors.log/report.html", "logs"])
def test_a_place_that_can_not_be_written_is_refused_in_a_sentence(tmp_path: Path, place: str) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "errors.log").touch()
    found = run(tmp_path, "--html", place)
    assert found.returncode == 2
    assert place in found.stderr
    assert "Traceback" not in found.stderr
    assert list(tmp_path.rglob(".*.part")) == []


@pytest.mark.parametrize("words", [("--incidents", "--compare"), ("--html", "a.html", "--follow")])
def test_one_wish_at_a_time(root: Path, words: tuple[str, ...]) -> None:
    assert run(root, *words).returncode == 2
