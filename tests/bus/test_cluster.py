"""A real Cluster of three masters and a replica: fault matrix rows 25, 26 and 30 for the connection."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from redis.exceptions import AskError, WatchError

from greencam.base.errors import BusUnavailable
from greencam.bus import beats, channels, keys
from greencam.bus.frames import FrameReader, FrameWriter
from greencam.bus.link import Client, RedisTarget, bus_errors, connect, server_version
from greencam.bus.spool import Entry
from tests.making import CLOCK, entries, entry
from tests.ports import free_ports
from tests.redis_processes import Group, Server, as_user
from tests.redis_topologies import ClusterSet
from tests.suite import wait_until

pytestmark = pytest.mark.timeout(300)  # a bound against a hang only: a fail-over that fails is tried again
CAMERA = "cam1"


@pytest.fixture(scope="module")
def cluster() -> Iterator[ClusterSet]:
    """One for all: a test that breaks it mends it, though another node may be the owner then."""
    made = ClusterSet(CAMERA)
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
def client(cluster: ClusterSet) -> Iterator[Client]:
    made = connect(cluster.target())
    yield made
    for camera in (CAMERA, "cam2", "cam3"):
        made.delete(keys.frames(camera))
    made.close()


def other_master(cluster: ClusterSet) -> Server:
    owner = cluster.owner()
    return next(server for server in cluster.masters if server is not owner)


def numbers(items: list[Any]) -> list[int]:
    return [item.header.seq for item in items if isinstance(item, Entry)]


def heard(listener: channels.Listener, count: int) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []

    def enough() -> bool:
        messages.extend(listener.heard())
        return len(messages) >= count

    wait_until(enough, 30)
    return messages


def await_listener(cluster: ClusterSet, listener: channels.Listener, camera: str = CAMERA) -> None:
    """Until the camera's node knows of it: what is said from now on, it has to hear."""
    wait_until(lambda: listener.heard() == [] and cluster.owner(camera).ask("PUBSUB", "SHARDCHANNELS"), 30)


def until_it_works(target: RedisTarget, act: Any) -> Any:
    """As the publisher does: a new client after each failure."""

    def tried() -> Any:
        client = connect(target)
        try:
            with bus_errors(target):
                return act(client) or True
        except BusUnavailable:
            return None
        finally:
            client.close()

    return wait_until(tried, 60)


def test_nothing_is_sent_before_the_first_command() -> None:
    target = RedisTarget(f"redis+cluster://127.0.0.1:{free_ports(1)[0]}", timeout_s=1.0)
    client = connect(target)
    with pytest.raises(BusUnavailable) as caught, bus_errors(target):
        client.ping()
    assert caught.value.cause == "refused"
    client.close()


def test_frames_beats_and_interest_go_to_the_node_of_their_camera(cluster: ClusterSet, client: Client) -> None:
    target = cluster.target()
    owners = set()
    for camera in (CAMERA, "cam2", "cam3"):
        writer = FrameWriter(client, target, camera, 1 << 20)
        reader = FrameReader(target, camera, "a test")
        assert writer.last_id() == (0, 0)
        assert reader.read(0.01) == []
        writer.send(entries(1, 5), CLOCK)
        writer.send([entry(5)], CLOCK)
        assert (writer.sent, writer.repeated) == (5, 1)
        assert writer.last_id() == (1, 5)
        assert numbers(reader.read(1.0)) == [1, 2, 3, 4, 5]
        reader.show_interest(CLOCK)
        assert writer.wanted()
        beats.put(client, target, keys.beat(camera), {"camera": camera})
        assert beats.read(client, target, keys.beat(camera)) == {"camera": camera}
        owners.add(cluster.owner(camera).port)
        reader.close()
    assert len(owners) > 1, "the cameras of this test should be on several nodes"
    assert client.ping()
    assert server_version(client).split()[0] in {"Redis", "Valkey"}


def test_a_pipeline_without_a_transaction(client: Client) -> None:
    pipe = client.pipeline(transaction=False)
    pipe.set("{cam1}:a", 1)
    pipe.get("{cam1}:a")
    assert pipe.execute() == [True, b"1"]
    assert pipe.execute() == []
    client.delete("{cam1}:a")


def test_keys_of_two_slots_in_one_pipeline_are_refused(cluster: ClusterSet, client: Client) -> None:
    pipe = client.pipeline()
    pipe.get("{cam1}:a")
    pipe.get("{cam2}:a")
    with pytest.raises(BusUnavailable, match="several slots"), bus_errors(cluster.target()):
        pipe.execute()


def test_a_transaction_may_watch_a_key(cluster: ClusterSet, client: Client) -> None:
    other = connect(cluster.target())
    with client.pipeline() as pipe:
        pipe.watch("{cam1}:a")  # type: ignore[no-untyped-call]
        assert pipe.get("{cam1}:a") is None
        pipe.multi()
        pipe.set("{cam1}:a", 1)
        assert pipe.execute() == [True]
        pipe.watch("{cam1}:a")  # type: ignore[no-untyped-call]
        other.set("{cam1}:a", 2)
        pipe.multi()
        pipe.set("{cam1}:a", 3)
        with pytest.raises(WatchError):
            pipe.execute()
    source, to = cluster.owner(), other_master(cluster)
    cluster.move_slot(to)  # the client's map is an old one now
    with client.pipeline() as pipe:
        pipe.watch("{cam1}:a")  # type: ignore[no-untyped-call]
        assert pipe.get("{cam1}:a") == b"2"
        cluster.move_slot(source)
        pipe.multi()
        pipe.set("{cam1}:a", 3)
        with pytest.raises(BusUnavailable), bus_errors(cluster.target()):
            pipe.execute()
    assert client.get("{cam1}:a") == b"2"
    client.delete("{cam1}:a")
    other.close()


def test_consumer_groups_work(client: Client) -> None:
    key = keys.frames(CAMERA)
    client.xgroup_create(key, "g", mkstream=True)
    client.xadd(key, {"a": "1"}, id="1-1")
    got: Any = client.xreadgroup("g", "worker", {key: ">"}, count=5)
    assert got
    assert client.xack(key, "g", "1-1") == 1
    assert client.xautoclaim(key, "g", "worker", 0)
    assert client.xpending(key, "g")["pending"] == 0


def test_channels_of_a_camera_are_sharded_and_the_general_one_is_not(cluster: ClusterSet, client: Client) -> None:
    target = cluster.target()
    listener = channels.Listener(client, target, keys.control(CAMERA), keys.GENERAL_CONTROL, keys.state("cam2"))
    for camera, channel in ((CAMERA, keys.control(CAMERA)), ("cam2", keys.state("cam2"))):
        await_listener(cluster, listener, camera)
        assert cluster.owner(camera).ask("PUBSUB", "SHARDCHANNELS") == [channel.encode()]
    general = ("PUBSUB", "CHANNELS", keys.GENERAL_CONTROL)
    wait_until(lambda: any(server.ask(*general) for server in cluster.masters), 30)
    channels.publish(client, target, keys.control(CAMERA), {"to": CAMERA})
    channels.publish(client, target, keys.state("cam2"), {"to": "cam2"})
    pipe = client.pipeline()
    pipe.publish(keys.control(CAMERA), '{"to": "pipe"}')
    pipe.execute()
    # The general one may be said at any node.
    for server in cluster.masters:
        server.ask("PUBLISH", keys.GENERAL_CONTROL, f'{{"at": {server.port}}}')
    said = heard(listener, 6)
    assert {message["to"] for message in said if "to" in message} == {CAMERA, "cam2", "pipe"}
    assert {message["at"] for message in said if "at" in message} == {server.port for server in cluster.masters}
    assert listener.rejected == 0
    listener.close()


def test_a_reader_asks_for_a_look_where_the_capture_listens(cluster: ClusterSet, client: Client) -> None:
    listener = channels.Listener(client, cluster.target(), keys.control(CAMERA), keys.requests(CAMERA))
    assert listener.heard() == []
    reader = FrameReader(cluster.target(), CAMERA, "a test")
    await_listener(cluster, listener)
    reader.show_interest(CLOCK)
    assert heard(listener, 1) == [{"do": "look"}]
    reader.close()
    listener.close()


def test_greencams_users_can_do_their_work_in_a_cluster(cluster: ClusterSet) -> None:
    camera, viewer = (cluster.target(user=user) for user in ("camera", "viewer"))
    client = connect(camera)
    listener = channels.Listener(client, camera, keys.control(CAMERA), keys.GENERAL_CONTROL)
    reader = FrameReader(viewer, CAMERA, "a test")
    reader.read(0.01)
    reader.show_interest(CLOCK)
    writer = FrameWriter(client, camera, CAMERA, 1 << 20)
    assert writer.wanted()
    writer.send(entries(1, 3), CLOCK)
    source, to = cluster.owner(), other_master(cluster)
    cluster.move_slot(to, steps=("open", "keys"))
    writer.send([entry(4)], CLOCK)  # with ASKING
    cluster.move_slot(to, steps=("close",))
    assert numbers(reader.read(1.0)) == [1, 2, 3, 4]
    with pytest.raises(BusUnavailable):
        wait_until(listener.heard, 30)
    listener.close()
    beats.put(client, camera, keys.beat(CAMERA), {})
    client.delete(keys.frames(CAMERA))
    reader.close()
    client.close()
    assert [server.ask("ACL", "LOG") for server in cluster.servers] == [[]] * 4
    cluster.move_slot(source)


def test_a_slot_that_moves_is_followed(cluster: ClusterSet, client: Client) -> None:
    target = cluster.target()
    writer, reader = FrameWriter(client, target, CAMERA, 1 << 20), FrameReader(target, CAMERA, "a test")
    listener = channels.Listener(client, target, keys.control(CAMERA))
    reader.read(0.01)
    writer.send(entries(1, 3), CLOCK)
    source, to = cluster.owner(), other_master(cluster)
    cluster.move_slot(to, steps=("open",))
    writer.send([entry(4)], CLOCK)  # the stream is still at its old node
    assert client.exists("{cam1}:none") == 0  # asked for at the new one: ASK
    cluster.move_slot(to, steps=("keys",))
    writer.send([entry(5)], CLOCK)  # a whole transaction is sent again with ASKING
    assert numbers(reader.read(1.0)) == [1, 2, 3, 4, 5]
    cluster.move_slot(to, steps=("close",))
    writer.send([entry(6)], CLOCK)  # MOVED
    assert numbers(reader.read(1.0)) == [6]
    assert (writer.sent, writer.repeated) == (6, 0)
    assert cluster.owner() is to
    with pytest.raises(BusUnavailable) as caught:
        wait_until(listener.heard, 30)
    assert caught.value.cause == "moved", "its channel is at the new node now"
    listener.close()
    again = channels.Listener(client, target, keys.control(CAMERA))
    await_listener(cluster, again)
    channels.publish(client, target, keys.control(CAMERA), {"do": "look"})
    assert heard(again, 1) == [{"do": "look"}]
    again.close()
    reader.close()
    cluster.move_slot(source)


def test_keys_on_both_sides_of_a_move_are_tried_again_by_the_caller(cluster: ClusterSet, client: Client) -> None:
    client.set("{cam1}:a", 1)
    source, to = cluster.owner(), other_master(cluster)
    cluster.move_slot(to, steps=("open",))
    pipe = client.pipeline()
    pipe.get("{cam1}:a")
    pipe.get("{cam1}:not there yet")
    with pytest.raises(BusUnavailable) as caught, bus_errors(cluster.target()):
        pipe.execute()
    assert caught.value.cause == "moved"
    pipe = client.pipeline(transaction=False)
    for key in ("{cam1}:a", "{cam1}:not there yet"):
        pipe.get(key)
    done, redirected = pipe.execute(raise_on_error=False)  # a part is done, so nothing is sent again
    assert done == b"1"
    assert isinstance(redirected, AskError)
    pipe.get("{cam1}:not there yet")
    with pytest.raises(AskError):
        pipe.execute()
    cluster.move_slot(to, steps=("keys", "close"))
    assert client.get("{cam1}:a") == b"1"
    client.delete("{cam1}:a")
    cluster.move_slot(source)


def test_a_first_seed_that_hangs_costs_its_share_of_the_deadline(cluster: ClusterSet) -> None:
    target = cluster.target()
    hanging = other_master(cluster)
    hanging.signal(signal.SIGSTOP)
    try:
        client = connect(
            RedisTarget(cluster.url(nodes=[hanging.port, *[one.port for one in cluster.servers]]), timeout_s=2.0)
        )
        with bus_errors(target):
            client.set("{cam1}:a", 1)
        client.delete("{cam1}:a")
        client.close()
    finally:
        hanging.signal(signal.SIGCONT)


@pytest.fixture
def lone() -> Iterator[Callable[..., Server]]:
    """Starts a server that belongs to nobody."""
    group = Group()

    def start(**options: str) -> Server:
        said = {name.replace("_", "-"): value for name, value in options.items()}
        server = group.add({**group.users(), **said}, access=as_user("owner"))
        server.start()
        wait_until(server.answers, 30)
        return server

    yield start
    group.stop()


def test_a_server_that_is_no_cluster_is_told(lone: Callable[..., Server]) -> None:
    target = RedisTarget(f"redis+cluster://owner:owner-pass@127.0.0.1:{lone().port}", timeout_s=1.0)
    client = connect(target)
    with pytest.raises(BusUnavailable, match="cluster support disabled") as caught, bus_errors(target):
        client.ping()
    assert caught.value.cause == "response"
    client.close()


def test_a_node_that_says_that_its_cluster_is_broken_is_not_believed(
    cluster: ClusterSet, lone: Callable[..., Server]
) -> None:
    # As a node on the wrong side of a cut link does, it answers, and its map is of no use.
    alone = lone(cluster_enabled="yes", cluster_port=str(free_ports(1)[0]))
    target = RedisTarget(cluster.url(nodes=[alone.port, cluster.owner().port]), timeout_s=2.0)
    client = connect(target)
    with bus_errors(target):
        client.set("{cam1}:a", 1)
        client.delete("{cam1}:a")
    client.close()
    client = connect(RedisTarget(cluster.url(nodes=[alone.port]), timeout_s=2.0))
    with pytest.raises(BusUnavailable) as caught, bus_errors(target):
        client.set("{cam1}:a", 1)
    assert caught.value.cause == "cluster"
    client.close()


def test_a_node_that_dies_costs_one_deadline_and_its_replica_takes_over(cluster: ClusterSet) -> None:
    target = cluster.target()
    client = connect(target)
    writer = FrameWriter(client, target, CAMERA, 1 << 20)
    writer.send(entries(1, 3), CLOCK)
    listener = channels.Listener(client, target, keys.control(CAMERA))
    await_listener(cluster, listener)
    owner = cluster.owner()
    owner.kill()
    with pytest.raises(BusUnavailable) as caught:
        writer.send([entry(4)], CLOCK)
    assert caught.value.cause == "refused"
    with pytest.raises(BusUnavailable):
        wait_until(listener.heard, 30)
    listener.close()
    client.close()
    until_it_works(target, lambda made: FrameWriter(made, target, CAMERA, 1 << 20).send([entry(4)], CLOCK))
    cluster.await_successor(owner)
    reader = FrameReader(target, CAMERA, "a test")
    reader.read(0.01)
    until_it_works(target, lambda made: FrameWriter(made, target, CAMERA, 1 << 20).send([entry(5)], CLOCK))
    assert numbers(reader.read(1.0)) == [5]
    reader.close()
    owner.start()
    cluster.await_replica()


def test_an_owner_that_hangs_costs_one_deadline_and_comes_back_as_a_replica(cluster: ClusterSet) -> None:
    target = cluster.target(timeout_s=2.0)
    client = connect(target)
    assert client.get("{cam1}:a") is None
    owner = cluster.owner()
    owner.signal(signal.SIGSTOP)
    began = time.monotonic()
    with pytest.raises(BusUnavailable) as caught, bus_errors(target):
        client.get("{cam1}:a")
    assert caught.value.cause == "timeout"
    assert time.monotonic() - began < 20.0  # only a guard against a hang
    client.close()
    until_it_works(target, lambda made: made.set("{cam1}:a", 1))
    stale = connect(RedisTarget(cluster.url(nodes=[owner.port]), timeout_s=2.0))
    owner.signal(signal.SIGCONT)
    cluster.await_replica()
    assert stale.get("{cam1}:a") == b"1"  # whoever asks the old owner is sent on
    stale.delete("{cam1}:a")
    stale.close()
