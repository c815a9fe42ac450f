"""Fixtures of tests that run over more than one Redis server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.redis_topologies import ClusterSet, SentinelSet


@pytest.fixture(params=["sentinel", "cluster"])
def several(request: pytest.FixtureRequest) -> Iterator[SentinelSet | ClusterSet]:
    made: SentinelSet | ClusterSet = SentinelSet() if request.param == "sentinel" else ClusterSet("cam1")
    try:
        made.start()
        yield made
    finally:
        made.stop()
