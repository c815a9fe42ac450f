"""Fixtures of tests that run over more than one Redis server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.redis_topologies import ClusterSet, SentinelSet
from tests.suite import Suite, wait_until


def await_log(suite: Suite, words: str) -> None:
    """Wait until the log of a suite, or of a part of it, says so."""
    file = suite.root / "logs" / "camera_system.log"
    wait_until(lambda: file.is_file() and words in file.read_text(), 60)


@pytest.fixture(params=["sentinel", "cluster"])
def several(request: pytest.FixtureRequest) -> Iterator[SentinelSet | ClusterSet]:
    made: SentinelSet | ClusterSet = SentinelSet() if request.param == "sentinel" else ClusterSet("cam1")
    try:
        made.start()
        yield made
    finally:
        made.stop()
