"""Spool, Redis and cursors under every order of events that hypothesis finds: nothing lost, doubled or swapped.

The server is a real one that is flushed, trimmed and given an old copy; crashes are new objects on the old files.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from redis import ResponseError

from greencam.base.errors import FrameError
from greencam.bus import keys
from greencam.bus.chain import FrameId, Gap, Place, id_text
from greencam.bus.durable_reader import DurableReader
from greencam.bus.durable_spool import DurableSpool
from greencam.bus.durable_writer import DurableWriter
from greencam.bus.follower import Follower, Rejected, Taken
from greencam.bus.link import Client, connect
from greencam.bus.segments import files_of
from tests.conftest import RedisServer
from tests.fake_clock import FakeClock
from tests.making import coded

pytestmark = pytest.mark.timeout(300)  # a bound against a hang only: it is thousands of steps
NAMES = ("recorder", "counter")
FRAME_BYTES = 200
LIMIT = 12 * FRAME_BYTES
KEY = keys.durable("cam1")


class Consumer:
    """A durable consumer with a store that survives it: frames, gaps and its place, in one step."""

    def __init__(self, server: RedisServer, name: str) -> None:
        self._server, self.name = server, name
        self.frames: list[FrameId] = []
        self.gaps: list[Gap] = []
        self.place = Place()
        self._reader: DurableReader | None = None
        self.restart()

    def restart(self) -> None:
        """Killed and started again: only the store is left."""
        self.close()
        self._reader = DurableReader(self._server.target, "cam1", self.name)
        self.follower = Follower(self.name, self.place, 1e9)
        self.position = self.place.id
        self.asks = False
        self.repair: bytes | None = None

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()

    def read(self, limit: int) -> bool:
        """One read and one commit of what came; whether anything did."""
        assert self._reader is not None
        repair = self._reader.repair()
        if repair != self.repair:
            self.repair, self.position = repair, self.place.id
        items = self._reader.read(self.position, 0, limit)
        events: list[Taken | Gap | Rejected] = []
        for item in items:
            self.asks = self.asks or isinstance(item.entry, FrameError)
            found = self.follower.look(item, self._reader.gaps, 0.0)
            if found is None:
                self.position = self.follower.place.id
                break
            events += found
            self.position = max(self.position, item.id)
        else:
            if not items and self._reader.newest() < self.position:
                self.position = self.follower.place.id
        for event in events:
            if isinstance(event, Taken):
                epoch, seq = event.place.id
                assert event.entry.header._replace(published_ns=3) == coded(seq, bytes(FRAME_BYTES), epoch).header
                self.frames.append(event.place.id)
                self.place = event.place
            elif isinstance(event, Gap):
                self.gaps.append(event)
        return bool(events)

    def report(self) -> None:
        assert self._reader is not None
        self._reader.report({"ack": id_text(self.place.id)})


class Delivery(RuleBasedStateMachine):
    server: RedisServer
    client: Client

    @initialize()
    def begin(self) -> None:
        self.client.flushall()
        self.folder = Path(tempfile.mkdtemp(prefix="gc-", dir=self.server.folder))
        self.clock = FakeClock()
        self.accepted: dict[str, list[FrameId]] = {name: [] for name in NAMES}
        self.epoch = self.seq = 0
        self.old_copy: Any = None
        self.consumers = {name: Consumer(self.server, name) for name in NAMES}
        self.start_producer()

    def start_producer(self) -> None:
        self.epoch, self.seq = self.epoch + 1, 0
        self.spool = DurableSpool(self.folder / "spool", LIMIT, NAMES, self.clock, lambda: None)
        self.writer = DurableWriter(self.server.target, "cam1", self.spool, 1 << 20, self.clock)
        self.writer.attach(self.client)

    @rule(names=st.sampled_from([NAMES, NAMES[:1], NAMES[1:]]), skipped=st.integers(0, 2), count=st.integers(1, 4))
    def put(self, names: tuple[str, ...], skipped: int, count: int) -> None:
        for _ in range(count):
            self.seq += 1 + skipped
            assert self.spool.put(coded(self.seq, bytes(FRAME_BYTES), self.epoch), names)
            for name in names:
                self.accepted[name].append((self.epoch, self.seq))

    @rule(turns=st.integers(1, 3))
    def send(self, turns: int) -> None:
        for _ in range(turns):
            self.clock.now_s += 1.0
            self.writer.turn()

    @rule()
    def lose_the_connection(self) -> None:
        self.writer.attach(self.client)

    @rule(torn=st.integers(0, 30))
    def kill_the_producer(self, torn: int) -> None:
        with files_of(self.folder / "spool")[-1].open("ab") as file:
            file.write(b"GR\x01\x02"[:torn] + bytes(max(0, torn - 4)))
        self.start_producer()

    @rule(command=st.sampled_from(["FLUSHALL", "DEL", "XTRIM", "XDEL"]), kept=st.integers(0, 5))
    def redis_forgets(self, command: str, kept: int) -> None:
        if command == "FLUSHALL":
            self.client.flushall()
        elif command == "DEL":
            self.client.delete(KEY)
        elif command == "XTRIM":
            self.client.xtrim(KEY, maxlen=kept, approximate=False)
        else:
            rows: Any = self.client.xrange(KEY)
            if rows:
                self.client.xdel(KEY, rows[kept % len(rows)][0])

    @rule()
    def redis_is_saved(self) -> None:
        self.old_copy = self.client.dump(KEY)

    @rule()
    def an_old_copy_is_restored(self) -> None:
        self.client.delete(KEY)
        if self.old_copy:
            self.client.restore(KEY, 0, self.old_copy)

    @rule(number=st.integers(0, 3))
    def somebody_forges_an_entry(self, number: int) -> None:
        rows: Any = self.client.xrevrange(KEY, count=1)
        if rows:
            epoch, _, seq = rows[0][0].partition(b"-")
            with suppress(ResponseError):  # Redis remembers a higher one that was removed
                self.client.xadd(KEY, {"d": "forged"}, id=f"{epoch.decode()}-{int(seq) + 1 + number}")

    @rule(name=st.sampled_from(NAMES), limit=st.integers(1, 8))
    def consume(self, name: str, limit: int) -> None:
        self.consumers[name].read(limit)

    @rule(name=st.sampled_from(NAMES))
    def report(self, name: str) -> None:
        self.consumers[name].report()

    @rule(name=st.sampled_from(NAMES))
    def kill_the_consumer(self, name: str) -> None:
        self.consumers[name].restart()

    @invariant()
    def nothing_is_doubled_or_swapped(self) -> None:
        for consumer in getattr(self, "consumers", {}).values():
            assert consumer.frames == sorted(set(consumer.frames))

    def teardown(self) -> None:
        if not hasattr(self, "consumers"):
            return
        try:
            self.drain()
            for name, consumer in self.consumers.items():
                self.check(name, consumer)
        finally:
            for consumer in self.consumers.values():
                consumer.close()
            shutil.rmtree(self.folder)

    def drain(self) -> None:
        """Everybody works undisturbed until nothing is left to do; a stuck consumer asks for its frame again."""
        for _ in range(60):
            self.clock.now_s += 3.0
            self.writer.turn()
            busy = [consumer.read(8) for consumer in self.consumers.values()]
            for consumer in self.consumers.values():
                consumer.report()
                if consumer.asks or consumer.follower.hole_s(1.0):
                    consumer.asks = False
                    self.writer.resend()
            if not any(busy) and not len(self.spool):
                return
        raise AssertionError(f"not drained: {self.spool.lag('recorder')}, {self.spool.lag('counter')}")

    def check(self, name: str, consumer: Consumer) -> None:
        missing = sorted(set(self.accepted[name]) - set(consumer.frames))
        assert set(consumer.frames) <= set(self.accepted[name])
        told = sum(gap.frames for gap in consumer.gaps)
        if consumer.frames and self.accepted[name][-1] == consumer.frames[-1]:
            assert told == len(missing), (missing, consumer.gaps)
        covered = [gap for gap in consumer.gaps if gap.cause == "spool full"]
        assert covered == consumer.gaps
        for frame in missing:
            tail = not consumer.frames or frame > consumer.frames[-1]
            assert tail or any(gap.first <= frame <= gap.last for gap in consumer.gaps)
            assert any(gap.first <= frame <= gap.last for gap in self.spool.gaps()[1]) or not tail
        assert self.spool.ledger.lost.get(name, 0) >= len(missing)


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    folder = Path(tempfile.mkdtemp(prefix="gc-", dir="/dev/shm"))
    made = RedisServer(folder)
    made.start()
    yield made
    made.stop()
    shutil.rmtree(folder, ignore_errors=True)


def test_nothing_is_lost_doubled_or_swapped_whatever_happens_in_whatever_order(server: RedisServer) -> None:
    client = connect(server.target)
    machine = type("Machine", (Delivery,), {"server": server, "client": client})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=80, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
    client.close()
