"""Durable delivery beyond one server: a fail-over of Sentinel or of a Cluster, and a thin line to Redis."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from greencam.base.clock import SystemClock
from greencam.bus.link import RedisTarget
from greencam.client import Feed
from greencam.client.places import Places
from tests.conftest import RedisServer
from tests.e2e.delivery_rig import Rig
from tests.fault_proxy import FaultProxy, Faults
from tests.ports import free_ports
from tests.redis_processes import PASSWORDS
from tests.redis_topologies import ClusterSet, SentinelSet, owner
from tests.suite import Suite

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(700)]  # a bound against a hang only: a loaded machine is slow
CLOCK = SystemClock()


class Somewhere:
    """What a rig needs to know of a Redis that it does not run itself."""

    def __init__(self, target: RedisTarget) -> None:
        self.target = target


def rig_at(suite: Suite, target: RedisTarget) -> Rig:
    return Rig(suite, cast("RedisServer", Somewhere(target)))


def test_row_25_a_fail_over_costs_a_durable_consumer_nothing(
    suite: Suite, several: SentinelSet | ClusterSet
) -> None:
    rig = rig_at(suite, several.target(timeout_s=1.0, user="consumer"))
    suite.environment["GREENCAM_REDIS_URL"] = several.url("api")
    for role in ("camera", "consumer"):
        suite.environment[f"GREENCAM_REDIS_ROLE_PASSWORDS__{role}"] = PASSWORDS[role]
    rig.start()
    old = owner(several)
    old.kill()
    several.await_successor(old)
    rig.wait_for(120)
    rig.finish()
    stored = rig.assert_whole()
    assert len(stored) > 150
    assert rig.verified()["good"]


@pytest.fixture
def line(short_folder: Path) -> Iterator[tuple[RedisServer, FaultProxy]]:
    """A Redis, and a line to it that a test can make thin."""
    server = RedisServer(short_folder, port=free_ports(1)[0])
    server.start()
    proxy = FaultProxy(server.port)
    yield server, proxy
    proxy.close()
    server.stop()


def test_row_31_over_a_thin_line_live_view_gets_fewer_frames_and_durable_delivery_catches_up(
    suite: Suite, line: tuple[RedisServer, FaultProxy]
) -> None:
    server, proxy = line
    rig = Rig(suite, server)
    far = RedisTarget(f"redis://127.0.0.1:{proxy.port}", timeout_s=5.0)
    suite.environment |= {"GREENCAM_REDIS_URL": far.url, "GREENCAM_REDIS_TIMEOUT": "5"}
    rig.start()
    proxy.faults = Faults(0.2, 125_000, 125_000)  # 1 Mbit/s and 200 ms: a third of what the camera makes
    with Feed("cam1", newest=True, transport="redis", places=Places(suite.runtime, far, ("cam1",))) as feed:
        frames = [frame for _ in range(5) if (frame := feed.next_frame(30.0)) is not None]
        numbers = [frame.header.seq for frame in frames]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] - numbers[0] > len(numbers), "a slow viewer skips frames instead of falling behind"
    proxy.faults = Faults()
    rig.wait_for(60)
    rig.finish()
    rig.assert_whole()
    assert rig.verified()["good"]
