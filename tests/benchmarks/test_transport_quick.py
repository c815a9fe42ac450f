"""The benchmark's own smoke test: it runs, its page holds figures, and a frame is encoded once."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PEER = "imagezmq"

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(find_spec(PEER) is None, reason="peers are not installed: requirements-bench.txt"),
]


def measured(out: Path, *words: str) -> dict[str, Any]:
    argv = [sys.executable, "-P", str(ROOT / "benchmarks/transport.py"), "--quick", "--out", str(out), *words]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads((out / "benchmarks/results.json").read_text())
    return found


def rows_of(page: str, title: str) -> list[list[str]]:
    section = page.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_page_holds_a_figure_for_us_and_for_a_peer(tmp_path: Path) -> None:
    measured(tmp_path, "--only", "unpaced", "--only", "paced", "--peers", f"ring,{PEER}")
    page = (tmp_path / "benchmarks.md").read_text()
    rates = {row[0]: row[1] for row in rows_of(page, "One consumer, unpaced")}
    assert {"greencam ring", "imagezmq REQ/REP, raw, unix socket"} <= rates.keys()
    assert all(re.match(r"\d", rate) and rate != "0" for rate in rates.values())
    paced = rows_of(page, "100 frames per second, several consumers")
    assert all(re.fullmatch(r"\d+ of [1-9]\d*", row[2]) for row in paced)
    assert rows_of(page, "Targets")


def test_a_frame_is_encoded_once_for_any_number_of_readers(tmp_path: Path) -> None:
    rows = measured(tmp_path, "--only", "encodes", "--peers", "ring")["encodes"]["figures"]
    assert [row["readers"] for row in rows] == [0, 1, 2]
    for row in rows:
        assert row["captured"] > 0
        # a beat may come between a frame's capture and its encoding, at either end
        assert row["encoded"] == pytest.approx(row["captured"] if row["readers"] else 0, abs=2)
        assert row["torn"] == 0
