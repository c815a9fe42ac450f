"""A clock that jumps while everything runs: docs/guide/running.md promises that nothing but times is different."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.suite import Suite, flows, wait_until
from tests.wall_clock import WallClock, compiler

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1000)]  # a bound against a hang only: a loaded machine is slow

HOUR_S, YEARS_S = 3600.0, 3653 * 86400.0
BLAME = ("no sign of work", "did not run", "replac", "hang", "stall", "can't", "ERROR", "is stopped", "ended with")


@pytest.fixture
def clock(tmp_path: Path) -> WallClock:
    """A wall clock of this test's own."""
    found = compiler()
    if found is None:
        pytest.skip("no C compiler for the clock that can be set: sudo scripts/debian-test-packages")
    return WallClock(tmp_path, found)


def pictures(suite: Suite) -> set[Path]:
    return set((suite.root / "images" / "cam1").rglob("*.jpg"))


def stored(suite: Suite, count: int) -> bool:
    return len(pictures(suite)) > count


def processes(suite: Suite) -> list[tuple[str, int, int]]:
    facts: dict[str, Any] = json.loads(suite.run("start.py", "--status", "--json").stdout)
    return [(one["name"], one["pid"], one["restarts"]) for one in facts["processes"]]


def without_stalls(line: str) -> str:
    """The line, empty when it tells of seconds that a busy machine gave a process no time: our jumps are hours."""
    found = re.search(r"did not run for ([0-9.]+) s", line)
    return "" if found and float(found[1]) < HOUR_S / 2 else line


def test_row_38_a_clock_that_jumps_costs_no_frame_no_image_and_no_process(suite: Suite, clock: WallClock) -> None:
    """An hour and ten years, forth and back: frames and images go on, nobody is restarted or called hung."""
    suite.environment.update(clock.environment, GREENCAM_IMAGE_EVERY_S="0.1")
    running = suite.start("start.py")
    wait_until(lambda: pictures(suite))
    before, kept = processes(suite), pictures(suite)
    for offset_s in (HOUR_S, -HOUR_S, YEARS_S, 0.0, -YEARS_S, 0.0):
        clock.set(offset_s)
        more = len(pictures(suite)) + 10
        wait_until(partial(stored, suite, more))
        wait_until(lambda: flows(suite.status()["cameras"][0]))
    years = {path.parent.name[:4] for path in pictures(suite)}
    # Ten years back and forth and some leap days: 21 around the turn of a year.
    assert max(map(int, years)) - min(map(int, years)) >= 20, "the clock of the suite did jump"
    wait_until(lambda: processes(suite) == before)
    assert kept <= pictures(suite)
    code, output = suite.finish(running)
    assert code == 0
    said = [line for line in map(without_stalls, output.splitlines()) if any(word in line for word in BLAME)]
    assert [line for line in said if "is stopped" not in line] == []
