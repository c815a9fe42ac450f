"""What several of these tests need: a log's words, an end that leaves nothing, more than one Redis server."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.redis_topologies import ClusterSet, SentinelSet
from tests.suite import Suite, processes_with, wait_until


def await_log(suite: Suite, words: str) -> None:
    """Wait until the log of a suite, or of a part of it, says so."""
    file = log_of(suite)
    wait_until(lambda: file.is_file() and words in file.read_text(), 60)


def log_of(suite: Suite) -> Path:
    return suite.root / "logs" / "camera_system.log"


def told_by_start(suite: Suite) -> list[str]:
    """The suite's own lines in its log, not its parts'; one that came again is told as a repeat."""
    lines: list[str] = []
    for line in re.findall(r" start: (.*)$", log_of(suite).read_text(), re.MULTILINE):
        lines.append(lines[-1] if line.startswith("last line repeated once") else line)
    return lines


def finish_all(
    suite: Suite, running: subprocess.Popen[str], *names: str, by: signal.Signals = signal.SIGTERM
) -> str:
    """End a suite that runs these processes and nothing else; it has to wait for each. What it printed.

    Who looks for processes afterwards can't tell that: they die with their parent, awaited or not.
    """
    before = len(told_by_start(suite))
    code, output = suite.finish(running, by)
    assert code == 0, output
    *said, end = told_by_start(suite)[before:]
    assert end == "everything is stopped"
    assert sorted(re.findall(r"^(\S+) is stopped$", "\n".join(said), re.MULTILINE)) == sorted(names), output
    assert not any("is left behind" in line for line in said)
    wait_until(lambda: processes_with(str(suite.root)) == [], 5)  # one that was killed may need a moment to go
    return output


@pytest.fixture(params=["sentinel", "cluster"])
def several(request: pytest.FixtureRequest) -> Iterator[SentinelSet | ClusterSet]:
    made: SentinelSet | ClusterSet = SentinelSet() if request.param == "sentinel" else ClusterSet("cam1")
    try:
        made.start()
        yield made
    finally:
        made.stop()
