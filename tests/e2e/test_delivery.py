"""Fault matrix, rows 18 to 29, 32 and 33: real processes and faults, judged by stored images and their counters."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, cast

import pytest

from greencam.base.clock import SystemClock
from greencam.bus import keys
from greencam.bus.durable_spool import DurableSpool
from greencam.bus.link import Client, connect
from greencam.client.image_index import read_index
from greencam.client.retention import images_in
from tests.conftest import RedisServer
from tests.e2e.delivery_rig import Rig, stop_for
from tests.ports import free_ports
from tests.suite import Suite, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1000)]  # a bound against a hang only: a loaded machine is slow
embedded = pytest.mark.parametrize("redis", ["embedded"], indirect=True)
KEY = keys.durable("cam1")


@pytest.fixture
def rig(suite: Suite, redis: RedisServer) -> Iterator[Rig]:
    made = Rig(suite, redis)
    yield made
    suite.stop_all()


def test_row_18_redis_killed_without_persistence_costs_nothing(rig: Rig) -> None:
    rig.start()
    rig.redis.kill()
    rig.redis.start()
    time.sleep(0.05)
    rig.redis.kill()  # twice within a tenth of a second
    rig.redis.start()
    rig.wait_for(60)
    rig.finish()
    assert len(rig.assert_whole()) >= 100
    assert rig.verified()["good"]


@embedded
def test_row_19_an_outage_is_made_up_for_and_the_camera_does_not_notice(rig: Rig) -> None:
    rig.start()
    before = rig.delivery_when()["accepted"]
    rig.redis.kill()
    rig.left_here_when(lambda facts: facts["accepted"] - before > 150)  # the camera goes on
    stored = len(images_in(rig.folder))
    rig.redis.start()
    rig.wait_for(150)
    facts = rig.delivery_when()
    assert facts["spool_high_water_bytes"] > 100 * 1000
    assert facts["refused"] == 0
    rig.finish()
    assert len(rig.assert_whole()) > stored + 150


@embedded
def test_row_20_an_outage_longer_than_the_spool_loses_exactly_what_it_tells(rig: Rig) -> None:
    rig.suite.environment["GREENCAM_SPOOL_MAX_MB"] = "1"
    rig.suite.environment["GREENCAM_CAMERA_WIDTH"], rig.suite.environment["GREENCAM_CAMERA_HEIGHT"] = "320", "240"
    rig.suite.environment["GREENCAM_FRAME_RATE"] = "20"  # so slow that it overflows only while Redis is away
    rig.start()
    rig.redis.kill()
    rig.left_here_when(lambda facts: facts["consumers"]["recorder"]["given_up"] > 0)
    rig.redis.start()
    rig.wait_for(60)
    said = rig.finish()
    stored = rig.stored()
    last = max(seq for _, seq in stored)
    missing = set(range(1, last + 1)) - {seq for _, seq in stored}
    content = read_index(rig.folder)
    assert content is not None
    assert missing
    (gap,) = (note for note in content.notes if note.kind == "gap")
    assert (gap.first, gap.last) == (f"1-{min(missing)}", f"1-{max(missing)}")
    assert gap.frames == len(missing) == max(missing) - min(missing) + 1
    assert gap.cause == "spool full"
    assert "ALERT" in said
    facts = rig.verified()
    assert (facts["lost"], facts["gap_frames"], facts["duplicate"]) == (0, len(missing), 0)


@embedded
def test_row_21_redis_that_hangs_makes_no_frame_twice(rig: Rig) -> None:
    rig.start()
    client = rig.client()
    server = int(client.info("server")["process_id"])
    stop_for(server, 1.8)  # longer than REDIS_TIMEOUT: the answer to what was sent comes too late
    rig.wait_for(30)
    client.client_pause(1200, all=True)
    time.sleep(1.3)
    for kind in ("normal", "pubsub"):
        client.execute_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")  # type: ignore[no-untyped-call]
    client.close()
    rig.wait_for(60)
    rig.finish()
    rig.assert_whole()
    assert rig.verified()["good"]


@embedded
def test_row_22_redis_killed_again_and_again_while_frames_are_written(rig: Rig) -> None:
    rig.start()
    pauses = random.Random(22)
    for _ in range(8):
        rig.redis.kill()
        time.sleep(pauses.uniform(0.0, 0.1))
        rig.redis.start()
        time.sleep(pauses.uniform(0.1, 0.4))
    rig.wait_for(60)
    rig.finish()
    rig.assert_whole()


@embedded
def test_row_23_whatever_is_removed_from_redis_comes_again(rig: Rig) -> None:
    rig.start()
    client = rig.client()
    old_copy = client.dump(KEY)

    def restore() -> None:
        client.delete(KEY)
        client.restore(KEY, 0, old_copy or b"", replace=True)

    for forget in (
        client.flushall,
        lambda: client.delete(KEY),
        lambda: client.xtrim(KEY, maxlen=3, approximate=False),
        restore,
    ):
        rig.recorder.send_signal(signal.SIGSTOP)
        await_more(client, 20)  # which nobody has read, so that something is there to be removed
        forget()
        time.sleep(0.3)
        rig.recorder.send_signal(signal.SIGCONT)
        rig.wait_for(60)
    client.close()
    rig.delivery_when(lambda facts: facts["repairs"] >= 3)
    rig.finish()
    rig.assert_whole()
    assert rig.verified()["good"]


def newest(client: Client) -> tuple[int, int]:
    """(epoch, seq) of the newest entry that Redis has for durable consumers."""
    rows: Any = wait_until(lambda: client.xrevrange(KEY, count=1))
    epoch, _, seq = rows[0][0].decode().partition("-")
    return int(epoch), int(seq)


def await_more(client: Client, count: int) -> None:
    """Wait until the newest entry is so much further than it is now."""
    epoch, seq = newest(client)
    wait_until(lambda: newest(client) >= (epoch, seq + count))


@embedded
def test_row_24_redis_out_of_memory_holds_frames_up_and_loses_none(rig: Rig) -> None:
    rig.start()
    client = rig.client()
    client.config_set("maxmemory", 1)
    time.sleep(2.0)
    client.config_set("maxmemory", 64 << 20)
    client.close()
    rig.wait_for(120)
    rig.finish()
    rig.assert_whole()


def test_row_25_a_replica_that_is_a_second_behind_takes_over(suite: Suite, short_folder: Path) -> None:
    binary = pytest.importorskip("shutil").which("redis-server")
    if binary is None:
        pytest.skip("Debian's redis-server is not installed: sudo scripts/debian-test-packages")
    master = RedisServer(short_folder, binary, port=free_ports(1)[0])
    replica_folder = short_folder / "b"
    replica_folder.mkdir()
    replica = RedisServer(replica_folder, binary, replica_of=master)
    master.start()
    replica.start()
    rig = Rig(suite, master)
    try:
        rig.start()
        other = connect(replica.target)
        wait_until(lambda: other.info("replication")["master_link_status"] == "up", 30)
        wait_until(lambda: other.exists(KEY))
        other.replicaof("NO", "ONE")
        time.sleep(1.0)
        other.close()
        master.kill()
        master.socket.unlink(missing_ok=True)
        master.socket.symlink_to(replica.socket)
        rig.wait_for(60)
        rig.finish()
        rig.assert_whole()
        assert rig.verified()["good"]
    finally:
        suite.stop_all()
        replica.stop()
        master.stop()


@embedded
def test_row_27_a_recorder_killed_at_any_moment_stores_nothing_twice(rig: Rig) -> None:
    rig.suite.environment["GREENCAM_FRAME_RATE"] = "20"  # eight times it waits until a recorder has started
    rig.start()
    pauses = random.Random(27)
    for _ in range(8):
        rig.kill(rig.recorder)
        rig.start_recorder()
        rig.wait_for(1)
        time.sleep(pauses.uniform(0.0, 0.2))
    rig.finish()
    rig.assert_whole()
    facts = rig.verified()
    assert facts["good"]
    assert facts["unlisted"] == 0


@embedded
def test_row_28_a_recorder_that_is_gone_too_long_is_released_and_later_told_what_it_missed(rig: Rig) -> None:
    rig.suite.environment["GREENCAM_CONSUMERS"] = "[{name: recorder, every_s: 0, max_lag_s: 5}]"
    rig.start()
    rig.recorder.send_signal(signal.SIGSTOP)
    released = rig.delivery_when(lambda facts: facts["consumers"]["recorder"]["released"])
    assert released["consumers"]["recorder"]["given_up"] > 0
    waiting = rig.delivery_when(lambda facts: facts["spool_frames"] == 0)
    time.sleep(1.5)
    assert rig.delivery_when()["accepted"] == waiting["accepted"], "nothing is encoded for nobody"
    rig.recorder.send_signal(signal.SIGCONT)
    rig.wait_for(60)
    said = rig.finish()
    assert "ALERT: recorder has taken nothing for" in said
    assert "recorder is back" in said
    facts = rig.verified()
    assert (facts["lost"], facts["duplicate"], facts["gaps"]) == (0, 0, 1)
    assert 0 < facts["gap_frames"] <= released["consumers"]["recorder"]["given_up"] + 60


@embedded
def test_row_29_a_killed_capture_leaves_every_accepted_frame_to_its_successor(rig: Rig) -> None:
    rig.start()
    for _ in range(3):
        rig.redis.kill()  # so that frames wait
        time.sleep(0.5)
        rig.kill(rig.capture)
        accepted = DurableSpool(
            rig.suite.runtime / "cam1.spool", 1 << 30, ["recorder"], SystemClock(), lambda: None
        )
        epoch, seq = accepted.ledger.newest
        accepted.close()
        rig.redis.start()
        rig.start_capture()
        rig.wait_for_frame((epoch, seq))
        rig.wait_for(40)
        assert {(epoch, number) for number in range(1, seq + 1)} <= set(rig.stored())
    rig.finish()
    rig.assert_whole()
    assert rig.verified()["good"]


@embedded
def test_row_32_hostile_entries_are_rejected_counted_and_skipped_with_a_record(rig: Rig, tmp_path: Path) -> None:
    # The ring holds what comes while the capture is stopped below.
    rig.suite.environment |= {"GREENCAM_FRAME_RATE": "20", "GREENCAM_RING_SECONDS": "20"}
    rig.start()
    client = rig.client()
    fired = tmp_path / "fired"
    pickled = b"cos\nsystem\n(S'touch " + str(fired).encode() + b"'\ntR."
    hostile: list[dict[Any, Any]] = [
        {b"h": pickled, b"d": pickled, b"w": pickled},
        {b"h": b"short", b"d": b"x"},
        {b"h": b"GCFR" + b"\xff" * 124, b"d": b"x"},
        {b"d": bytes(8 << 20)},
        {b"frame": pickled},
    ]
    for met, fields in enumerate(hostile, 1):
        epoch, seq = newest(client)
        rig.capture.send_signal(signal.SIGSTOP)  # which removes the entry as soon as it sees it
        try:
            client.xadd(KEY, fields, id=f"{epoch}-{seq + 300}")
            await_rejected(client, met)
        finally:
            rig.capture.send_signal(signal.SIGCONT)
        rig.wait_for(40)
    client.hset(keys.acks("cam1"), mapping={"recorder": pickled, "stranger": "[" * 3000})
    client.close()
    rig.wait_for(60)
    rig.finish()
    rig.assert_whole()
    facts = rig.verified()
    assert facts["good"]
    assert facts["rejected"] >= len(hostile)
    assert not fired.exists()


def await_rejected(client: Client, count: int) -> None:
    """Wait until the recorder reports that it has rejected so many entries."""

    def reported() -> int:
        report = cast("bytes | None", client.hget(keys.acks("cam1"), "recorder"))
        return int(json.loads(report)["rejected"]) if report else 0

    wait_until(lambda: reported() >= count, 15)


@embedded
def test_row_33_a_viewer_that_reads_hardly_ever_hurts_nobody(rig: Rig) -> None:
    rig.start()
    viewer = rig.suite.start("client.py", "--transport", "redis", "--stats")
    client = rig.client()
    wait_until(lambda: client.exists("greencam:{cam1}:frames"), 60)
    client.close()
    os.kill(viewer.pid, signal.SIGSTOP)
    before = rig.delivery_when()["accepted"]
    time.sleep(3.0)

    def took_all(facts: dict[str, Any]) -> bool:
        """Whether every frame so far was accepted; a report that is made meanwhile may count one more or less."""
        return bool(facts["accepted"] == int(facts["newest"].partition("-")[2]))

    after = rig.delivery_when(lambda facts: facts["accepted"] - before > 150 and took_all(facts))
    assert after["refused"] == 0
    rig.kill(viewer)
    rig.finish()
    rig.assert_whole()
    assert rig.verified()["good"]
    content = read_index(rig.folder)
    assert content is not None
    moments_s = [row.wall_ns / 1e9 for row in content.rows if before < row.id[1] <= after["accepted"]]
    # At 60 per second, and where a busy machine let the camera wait it makes up for it in a burst.
    assert median(late - early for early, late in pairwise(moments_s)) < 0.1


@embedded
def test_one_image_per_period_is_all_that_is_encoded_while_nobody_looks(rig: Rig) -> None:
    rig.suite.environment["GREENCAM_CONSUMERS"] = "[{name: recorder, every_s: 0.5}]"
    rig.suite.environment["GREENCAM_FRAME_RATE"] = "20"  # which also a loaded machine can keep up
    rig.start_recorder()
    rig.start_capture()
    rig.wait_for(9)
    rig.delivery_when(lambda facts: 9 <= facts["accepted"] < int(facts["newest"].partition("-")[2]) / 5)
    rig.suite.finish(rig.capture)
    time.sleep(0.5)
    rig.suite.finish(rig.recorder)
    seqs = [seq for _, seq in rig.stored()]
    steps = [after - before for before, after in pairwise(seqs)]
    assert median(steps) == pytest.approx(10, abs=1)
    assert rig.verified()["good"]


@embedded
def test_workers_share_a_camera_and_a_dead_one_costs_nothing(rig: Rig) -> None:
    rig.start()
    words = ("client.py", "--group", "plates", "--json", "--save")
    first = rig.suite.start(*words, str(rig.suite.root / "a"), "--worker", "a")
    second = rig.suite.start(*words, str(rig.suite.root / "b"), "--worker", "b")
    a, b = (rig.suite.root / name / "cam1" for name in "ab")
    wait_until(lambda: len(images_in(a)) > 20 and len(images_in(b)) > 20, 60)
    rig.kill(first)
    had = len(images_in(b))
    wait_until(lambda: len(images_in(b)) > had + 60)
    rig.suite.finish(second)
    names = [path.stem.rpartition("_")[2] for path in [*images_in(a), *images_in(b)]]
    assert len(names) == len(set(names))
    rig.finish()
    rig.assert_whole()
