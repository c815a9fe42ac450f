"""Lines that are slow, cut or half open: fault matrix rows 30 and 31 for the connection."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from greencam.base.clock import Clock
from greencam.base.errors import BusUnavailable
from greencam.bus import channels
from greencam.bus.frames import FrameReader, FrameWriter
from greencam.bus.link import Client, RedisTarget, bus_errors, connect
from greencam.bus.spool import Entry
from tests.fake_clock import FakeClock
from tests.fault_proxy import FaultProxy, Faults
from tests.making import CLOCK, coded
from tests.redis_processes import Group, Server
from tests.suite import wait_until


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    group = Group()
    made = group.add({})
    made.start()
    wait_until(made.answers, 30)
    yield made
    group.stop()


@pytest.fixture
def proxy(server: Server) -> Iterator[FaultProxy]:
    made = FaultProxy(server.port)
    yield made
    made.close()


@pytest.fixture
def target(proxy: FaultProxy) -> RedisTarget:
    return RedisTarget(f"redis://127.0.0.1:{proxy.port}", timeout_s=2.0, health_check_s=0.1)


@pytest.fixture
def client(target: RedisTarget) -> Iterator[Client]:
    made = connect(target)
    with bus_errors(target):
        made.ping()
    yield made
    made.close()


def listener_at(
    server: Server, client: Client, target: RedisTarget, clock: Clock | None = None
) -> channels.Listener:
    """One that the server knows of: what is said from now on, it has to hear."""
    made = channels.Listener(client, target, "news", clock=clock)
    wait_until(lambda: server.ask("PUBSUB", "NUMSUB", "news")[1] == 1, 30)
    return made


def failure(target: RedisTarget, act: Callable[[], Any]) -> BusUnavailable:
    with pytest.raises(BusUnavailable) as caught, bus_errors(target):
        act()
    return caught.value


def test_a_command_on_a_half_open_line_costs_one_deadline_and_no_second_line(
    proxy: FaultProxy, target: RedisTarget, client: Client
) -> None:
    proxy.faults.deaf = True
    assert failure(target, lambda: client.set("x", 1)).cause == "timeout"
    assert proxy.accepted == 1
    proxy.faults.deaf = False
    with bus_errors(target):
        assert client.ping()  # over a new line: a late answer to the first command can't be taken for this one's
    assert proxy.accepted == 2


def test_a_reset_line_is_an_error_and_the_next_command_takes_a_new_one(
    proxy: FaultProxy, target: RedisTarget, client: Client
) -> None:
    proxy.reset_all()
    assert failure(target, lambda: wait_until(lambda: not client.ping(), 30)).cause == "refused"
    with bus_errors(target):
        assert client.ping()


def test_a_listener_notices_a_half_open_line_and_does_not_connect_again_by_itself(
    proxy: FaultProxy, server: Server, target: RedisTarget, client: Client
) -> None:
    clock = FakeClock()
    listener = listener_at(server, client, target, clock)
    channels.publish(client, target, "news", {"a": 1})
    assert wait_until(listener.heard, 30) == [{"a": 1}]
    lines = proxy.accepted
    proxy.faults.deaf = True
    deaf_s = clock.monotonic()

    def heard_later() -> list[dict[str, Any]]:
        clock.sleep(target.timeout_s / 4)  # it counts from when it has asked for a sign of life
        return listener.heard()

    with pytest.raises(BusUnavailable) as caught:
        wait_until(heard_later, 30)
    assert caught.value.cause == "timeout"
    assert clock.monotonic() - deaf_s >= target.timeout_s, "it may answer until then"
    listener.close()
    assert proxy.accepted == lines


def test_a_listener_whose_line_is_slow_goes_on(
    proxy: FaultProxy, server: Server, target: RedisTarget, client: Client
) -> None:
    listener = listener_at(server, client, target)
    proxy.faults.delay_s = 0.1
    channels.publish(client, target, "news", {"a": 1})
    heard: list[dict[str, Any]] = []
    until_s = time.monotonic() + target.timeout_s + 0.3  # with signs of life each 0.2 s late
    while time.monotonic() < until_s:
        heard += listener.heard()
    assert heard == [{"a": 1}]
    listener.close()


def test_a_message_that_comes_in_parts_is_heard_whole(
    proxy: FaultProxy, server: Server, target: RedisTarget, client: Client
) -> None:
    listener = listener_at(server, client, target)
    assert listener.heard() == []
    proxy.faults.down_bytes_per_s = 100_000
    said = {"text": "x" * 20_000}
    server.ask("PUBLISH", "news", json.dumps(said))
    heard: list[dict[str, Any]] = []

    def enough() -> bool:
        heard.extend(listener.heard())
        return bool(heard)

    wait_until(enough, 30)
    assert heard == [said]
    listener.close()


def test_a_listener_does_not_hide_a_reset(
    proxy: FaultProxy, server: Server, target: RedisTarget, client: Client
) -> None:
    listener = listener_at(server, client, target)
    assert listener.heard() == []
    lines = proxy.accepted
    proxy.reset_all()
    with pytest.raises(BusUnavailable):
        wait_until(listener.heard, 30)
    assert proxy.accepted == lines
    listener.close()


def test_frames_arrive_over_one_megabit_and_200_ms(proxy: FaultProxy, server: Server) -> None:
    slow = RedisTarget(f"redis://127.0.0.1:{proxy.port}", timeout_s=10.0)
    near = RedisTarget(f"redis://127.0.0.1:{server.port}", timeout_s=5.0)
    writer_client = connect(near)
    reader = FrameReader(slow, "cam1", "a test")
    assert reader.read(0.0) == []
    proxy.faults = Faults(0.2, 125_000, 125_000)
    payload = bytes(20_000)
    FrameWriter(writer_client, near, "cam1", 1 << 20).send([coded(n, payload) for n in (1, 2, 3)], CLOCK)
    got = wait_until(lambda: reader.read(1.0), 30)
    assert [item.header.seq for item in got if isinstance(item, Entry)] == [1, 2, 3]
    reader.close()
    writer_client.close()
