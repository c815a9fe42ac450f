"""A real master, replica and three Sentinels: fault matrix rows 25, 26 and 30 for the connection."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from greencam.base.errors import BusUnavailable
from greencam.bus import channels, keys
from greencam.bus.frames import FrameReader, FrameWriter
from greencam.bus.link import Client, RedisTarget, bus_errors, connect
from greencam.bus.spool import Entry
from tests.making import CLOCK, entries, entry
from tests.ports import free_ports
from tests.redis_processes import Access, Server
from tests.redis_topologies import MASTER, SentinelSet
from tests.suite import wait_until

pytestmark = pytest.mark.timeout(300)  # a bound against a hang only: a fail-over that fails is tried again
SECRET = "s3cr3t-pass"  # noqa: S105 - the one that must never be shown


@pytest.fixture(scope="module")
def sentinels() -> Iterator[SentinelSet]:
    """One for all: a test that breaks it mends it, though the other server may be the master then."""
    made = SentinelSet()
    try:
        made.start()
        yield made
    finally:
        made.stop()


def failure(target: RedisTarget, act: Callable[[Client], Any] = lambda client: client.ping()) -> BusUnavailable:
    client = connect(target)
    with pytest.raises(BusUnavailable) as caught, bus_errors(target):
        act(client)
    client.close()
    assert SECRET not in str(caught.value)
    return caught.value


def until_it_works(target: RedisTarget, client: Client, act: Callable[[Client], Any]) -> None:
    """The same client all the time: it has to find the new master by itself."""

    def tried() -> bool:
        try:
            with bus_errors(target):
                act(client)
        except BusUnavailable:
            return False
        return True

    wait_until(tried, 60)


def test_frames_and_channels_go_through_the_master(sentinels: SentinelSet) -> None:
    target = sentinels.target()
    client = connect(target)
    reader = FrameReader(target, "cam1", "a test")
    assert reader.read(0.01) == []
    FrameWriter(client, target, "cam1", 1 << 20).send(entries(1, 3), CLOCK)
    assert [item.header.seq for item in reader.read(1.0) if isinstance(item, Entry)] == [1, 2, 3]
    listener = channels.Listener(client, target, keys.control("cam1"), keys.GENERAL_CONTROL)
    channels.publish(client, target, keys.control("cam1"), {"do": "look"})
    assert wait_until(listener.heard, 30) == [{"do": "look"}]
    listener.close()
    reader.close()
    client.delete(keys.frames("cam1"))
    client.close()


def test_greencams_users_can_do_their_work(sentinels: SentinelSet) -> None:
    camera, viewer = (sentinels.target(user=user) for user in ("camera", "viewer"))
    client = connect(camera)
    reader = FrameReader(viewer, "cam1", "a test")
    assert reader.read(0.01) == []
    reader.show_interest(CLOCK)
    writer = FrameWriter(client, camera, "cam1", 1 << 20)
    assert writer.wanted()
    writer.send(entries(1, 3), CLOCK)
    assert [item.header.seq for item in reader.read(1.0) if isinstance(item, Entry)] == [1, 2, 3]
    client.delete(keys.frames("cam1"))
    reader.close()
    client.close()
    assert sentinels.master_server().ask("ACL", "LOG") == []


def test_nothing_is_sent_before_the_first_command_and_nobody_there_is_told() -> None:
    ports = ",".join(f"127.0.0.1:{port}" for port in free_ports(3))
    error = failure(RedisTarget(f"redis+sentinel://u:{SECRET}@{ports}/{MASTER}", timeout_s=1.0))
    assert error.cause == "refused"
    assert "none of 3 Sentinels answers" in str(error)


def test_a_name_that_no_sentinel_watches(sentinels: SentinelSet) -> None:
    error = failure(RedisTarget(sentinels.url().replace(f"/{MASTER}", "/other"), timeout_s=2.0))
    assert "the Sentinels watch no master of the name other" in str(error)


def test_sentinels_with_a_password_of_their_own(sentinels: SentinelSet) -> None:
    master = sentinels.master_server()
    watch = {
        "sentinel monitor locked": f"127.0.0.1 {master.port} 1",
        "sentinel auth-user locked": "sentinel",
        "sentinel auth-pass locked": "sentinel-pass",
        "requirepass": SECRET,
    }
    sentinel = Server(sentinels.folder, watch, ["--sentinel"], Access(password=SECRET))
    sentinel.start()
    try:
        wait_until(sentinel.answers, 30)
        url = sentinels.url(sentinels=[sentinel.port]).replace(MASTER, "locked")
        error = failure(RedisTarget(url, timeout_s=2.0))
        assert error.cause == "auth"
        assert "sentinel_password" in str(error)
        target = RedisTarget(f"{url}?sentinel_password={SECRET}", timeout_s=2.0)
        assert SECRET not in target.described
        client = connect(target)
        with bus_errors(target):
            assert client.ping()
        client.close()
    finally:
        sentinel.kill()


def test_sentinels_that_say_nothing_cost_their_share_of_the_deadline(sentinels: SentinelSet) -> None:
    with ExitStack() as stack:
        deaf = [stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in range(2)]
        alive = sentinels.sentinels[0].port
        target = RedisTarget(sentinels.url(sentinels=[*deaf, alive]), timeout_s=4.5)
        client = connect(target)
        with bus_errors(target):
            assert client.ping()
        client.close()
        error = failure(RedisTarget(sentinels.url(sentinels=deaf), timeout_s=0.5))
    assert error.cause == "refused"


def mend(sentinels: SentinelSet, server: Server) -> None:
    """Wait until the server that was away follows the new master."""
    wait_until(lambda: server.answers() and b"role:slave" in server.ask("INFO", "replication"), 30)
    wait_until(lambda: b"master_link_status:up" in server.ask("INFO", "replication"), 30)
    for sentinel in sentinels.sentinels:
        wait_until(lambda: b"s_down" not in b" ".join(sentinel.ask("SENTINEL", "REPLICAS", MASTER)[0]), 30)  # noqa: B023


def test_a_master_that_dies_is_followed_by_its_replica(sentinels: SentinelSet) -> None:
    target = sentinels.target()
    client = connect(target)
    writer = FrameWriter(client, target, "cam1", 1 << 20)
    writer.send(entries(1, 3), CLOCK)
    listener = channels.Listener(client, target, keys.control("cam1"))
    old = sentinels.master_server()
    old.kill()
    assert failure(target, lambda made: made.set("x", 1)).cause == "refused"
    with pytest.raises(BusUnavailable):
        wait_until(listener.heard, 30)
    listener.close()
    until_it_works(target, client, lambda _: writer.send([entry(4)], CLOCK))
    sentinels.await_successor(old)
    reader = FrameReader(target, "cam1", "a test")
    reader.read(0.01)
    writer.send([entry(5)], CLOCK)
    assert [item.header.seq for item in reader.read(1.0) if isinstance(item, Entry)] == [5]
    reader.close()
    old.start()
    mend(sentinels, old)
    client.delete(keys.frames("cam1"))
    client.close()


def test_a_master_that_hangs_is_followed_by_its_replica_and_comes_back_as_one(sentinels: SentinelSet) -> None:
    target = sentinels.target(timeout_s=2.0)
    client = connect(target)
    client.set("x", 1)
    old = sentinels.master_server()
    old.signal(signal.SIGSTOP)
    began = time.monotonic()
    with pytest.raises(BusUnavailable) as caught, bus_errors(target):
        client.set("x", 2)
    assert caught.value.cause == "timeout"
    assert time.monotonic() - began < 20.0  # only a guard against a hang
    until_it_works(target, client, lambda made: made.set("x", 3))
    sentinels.await_successor(old)
    old.signal(signal.SIGCONT)
    mend(sentinels, old)
    stale = RedisTarget(f"redis://owner:owner-pass@127.0.0.1:{old.port}", timeout_s=2.0)
    assert failure(stale, lambda made: made.set("x", 4)).cause == "read-only"
    assert client.get("x") == b"3"
    client.delete("x")
    client.close()


def test_our_own_line_to_a_master_that_was_demoted_is_closed_and_the_next_write_finds_the_successor(
    sentinels: SentinelSet,
) -> None:
    target = sentinels.target()
    client = connect(target)
    client.set("x", 1)
    master = sentinels.master_server()
    other = next(server for server in (sentinels.master, sentinels.replica) if server is not master)
    master.ask("REPLICAOF", "127.0.0.1", str(other.port))  # behind the Sentinels' back: our line stays
    with pytest.raises(BusUnavailable) as caught, bus_errors(target):
        client.set("x", 2)
    assert "previous master is now a slave" in str(caught.value)
    master.ask("REPLICAOF", "NO", "ONE")
    until_it_works(target, client, lambda made: made.set("x", 3))
    client.delete("x")
    client.close()
