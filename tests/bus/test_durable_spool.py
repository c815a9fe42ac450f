from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greencam.bus import chain, records
from greencam.bus.chain import NONE, FrameId, Gap
from greencam.bus.durable_spool import DurableSpool
from greencam.bus.ledger import RELEASED, SPOOL_FULL
from greencam.bus.segments import files_of
from tests import making
from tests.fake_clock import FakeClock
from tests.making import coded

small_disk = making.small_disk
BOTH = ("recorder", "counter")


def spool_in(folder: Path, limit: int = 1 << 20, consumers: tuple[str, ...] = BOTH) -> DurableSpool:
    return DurableSpool(folder, limit, consumers, FakeClock(), lambda: None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cam1.spool"


def held(spool: DurableSpool) -> list[FrameId]:
    return [item.id for item in spool.after(NONE, 10_000, 1 << 30)]


def put(spool: DurableSpool, *seqs: int, names: tuple[str, ...] = BOTH, size: int = 100, epoch: int = 1) -> None:
    for seq in seqs:
        assert spool.put(coded(seq, bytes(size), epoch), names)


def test_what_was_accepted_goes_out_as_it_came_in_with_its_place_in_each_chain(folder: Path) -> None:
    spool = spool_in(folder)
    put(spool, 3, 7, names=("recorder",))
    put(spool, 9)
    first, second, third = spool.after(NONE, 10, 1 << 20)
    assert first.entry == coded(3, bytes(100))
    assert chain.unpack_links(first.links) == {"recorder": (NONE, 1)}
    assert chain.unpack_links(second.links) == {"recorder": ((1, 3), 2)}
    assert chain.unpack_links(third.links) == {"recorder": ((1, 7), 3), "counter": (NONE, 1)}


def test_a_frame_stays_until_each_consumer_that_wishes_for_it_has_it(folder: Path) -> None:
    spool = spool_in(folder)
    put(spool, 1, names=("recorder",))
    put(spool, 2, 3)
    spool.acknowledge({"recorder": (1, 3)})
    assert held(spool) == [(1, 2), (1, 3)]
    assert (spool.lag("recorder").frames, spool.lag("counter").frames) == (0, 2)
    spool.acknowledge({"counter": (1, 2), "a stranger": (1, 3)})
    assert held(spool) == [(1, 3)]
    spool.acknowledge({"counter": (1, 3)})
    assert (held(spool), spool.size_bytes, spool.lag("counter").size_bytes) == ([], 0, 0)
    assert spool.gaps()[1] == ()


@pytest.mark.parametrize("frame", [(1, 4), (2, 1), (1 << 60, 1), (0, 9)])
def test_an_acknowledgement_of_a_frame_that_never_was_or_is_old_changes_nothing(
    folder: Path, frame: FrameId
) -> None:
    spool = spool_in(folder)
    put(spool, 1, 2, 3)
    spool.acknowledge({"recorder": (1, 1), "counter": (1, 1)})
    spool.acknowledge({"recorder": frame, "counter": frame})
    assert held(spool) == [(1, 2), (1, 3)]


def test_a_frame_that_is_not_newer_or_that_nobody_wishes_for_is_not_accepted(folder: Path) -> None:
    spool = spool_in(folder)
    put(spool, 5)
    assert not spool.put(coded(5, b"x"), BOTH)
    assert not spool.put(coded(4, b"x"), BOTH)
    assert not spool.put(coded(6, b"x"), ())
    assert not spool.put(coded(6, b"x"), ("a stranger",))
    assert held(spool) == [(1, 5)]
    assert (spool.accepted, spool.refused) == (1, 2)


def test_a_full_spool_drops_the_oldest_and_says_for_whom_exactly(folder: Path) -> None:
    # Fault matrix, row 20.
    spool = spool_in(folder, limit=2000)
    put(spool, 1, 2)
    spool.acknowledge({"recorder": (1, 2)})
    put(spool, 3, 4, names=("recorder",))
    put(spool, *range(5, 15))
    kept = held(spool)
    assert kept[-1] == (1, 14)
    assert spool.size_bytes <= 2000
    gaps = {gap.consumer: gap for gap in spool.gaps()[1]}
    last = (1, kept[0][1] - 1)
    assert gaps["recorder"] == Gap("recorder", (1, 2), (1, 3), last, last[1] - 2, SPOOL_FULL)
    assert gaps["counter"] == Gap("counter", NONE, (1, 1), last, last[1] - 2, SPOOL_FULL)
    assert spool.ledger.lost == {"recorder": last[1] - 2, "counter": last[1] - 2}


def test_a_gap_is_forgotten_when_its_consumer_has_passed_it(folder: Path) -> None:
    spool = spool_in(folder, limit=1000, consumers=("recorder",))
    put(spool, *range(1, 10), names=("recorder",))
    assert len(spool.gaps()[1]) == 1
    version = spool.gaps()[0]
    spool.acknowledge({"recorder": held(spool)[0]})
    assert spool.gaps()[1] == ()
    assert spool.gaps()[0] != version


def test_a_consumer_that_is_released_holds_nothing_back_and_is_told_what_it_missed(folder: Path) -> None:
    # Fault matrix, row 28.
    spool = spool_in(folder)
    put(spool, 1, 2, 3)
    spool.acknowledge({"recorder": (1, 2)})
    spool.release("counter")
    assert held(spool) == [(1, 3)]
    put(spool, 4)
    spool.acknowledge({"recorder": (1, 4)})
    assert held(spool) == []
    assert spool.gaps()[1] == (Gap("counter", NONE, (1, 1), (1, 3), 3, RELEASED),)
    spool.welcome("counter")
    put(spool, 5)
    (item,) = spool.after(NONE, 10, 1 << 20)
    assert chain.unpack_links(item.links)["counter"] == ((1, 3), 4)


def test_a_successor_finds_everything_that_was_accepted_and_what_was_acknowledged(folder: Path) -> None:
    # Fault matrix, row 29.
    spool = spool_in(folder, limit=3000)
    put(spool, *range(1, 20))
    spool.acknowledge({"recorder": (1, 15)})
    spool.release("counter")
    before = held(spool), spool.gaps()[1], spool.ledger.lost
    after = spool_in(folder, limit=3000)
    assert (held(after), after.gaps()[1], after.ledger.lost) == before
    assert after.ledger.released == {"counter"}
    assert after.torn == 0
    put(after, 1, names=("recorder",), epoch=2)
    assert chain.unpack_links(after.after((1, 19), 9, 1 << 20)[0].links) == {"recorder": ((1, 19), 20)}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 4000), st.lists(st.integers(0, 300), min_size=1, max_size=12))
def test_killed_at_any_byte_only_the_frame_that_was_being_written_is_not_there(cut: int, sizes: list[int]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "spool"
        spool = spool_in(folder, consumers=("recorder",))
        ends = []
        for seq, size in enumerate(sizes, 1):
            put(spool, seq, names=("recorder",), size=size)
            ends.append(spool.file_bytes)
        (path,) = files_of(folder)
        whole = path.read_bytes()
        cut = min(cut, len(whole))
        path.write_bytes(whole[:cut])
        checkpoint_end = next(records.scan(whole)).end
        after = spool_in(folder, consumers=("recorder",))
        assert held(after) == [(1, seq) for seq, end in enumerate(ends, 1) if end <= cut]
        assert after.torn == (cut not in {0, checkpoint_end, *ends})
        assert all(
            item.entry == coded(item.id[1], bytes(sizes[item.id[1] - 1])) for item in after.after(NONE, 99, 1 << 20)
        )


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_byte_costs_frames_but_never_gives_wrong_ones(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "spool"
        put(spool_in(folder), *range(1, 8))
        (path,) = files_of(folder)
        content = bytearray(path.read_bytes())
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        path.write_bytes(content)
        after = spool_in(folder)
        kept = after.after(NONE, 99, 1 << 20)
        assert [item.id for item in kept] == [(1, seq) for seq in range(1, len(kept) + 1)]
        assert all(item.entry == coded(item.id[1], bytes(100)) for item in kept)
        assert after.torn == 1


def test_frames_in_a_damaged_file_between_others_are_a_gap_of_known_size(folder: Path) -> None:
    spool = spool_in(folder, limit=1 << 20)  # files of 64 KiB
    put(spool, *range(1, 40), size=5000)
    paths = files_of(folder)
    assert len(paths) > 3
    content = bytearray(paths[1].read_bytes())
    content[len(content) // 2] ^= 1
    paths[1].write_bytes(content)
    after = spool_in(folder, limit=1 << 20)
    missing = sorted({(1, seq) for seq in range(1, 40)} - set(held(after)))
    assert missing
    gap = next(gap for gap in after.gaps()[1] if gap.consumer == "recorder")
    assert (gap.first, gap.last, gap.frames, gap.cause) == (missing[0], missing[-1], len(missing), "damaged")


def test_files_that_nobody_needs_go(folder: Path) -> None:
    spool = spool_in(folder, limit=1 << 20)
    for seq in range(1, 200):
        put(spool, seq, size=5000)
        spool.acknowledge(dict.fromkeys(BOTH, (1, seq)))
    assert spool.file_bytes < 200_000
    assert len(files_of(folder)) <= 3


def test_a_full_medium_costs_the_oldest_frames_and_never_an_exception(small_disk: Path) -> None:
    spool = spool_in(small_disk / "spool", limit=1 << 20, consumers=("recorder",))
    seqs = range(1, 120)
    done = [seq for seq in seqs if spool.put(coded(seq, bytes(5000)), ("recorder",))]
    assert done == list(seqs), "there is always room for the newest"
    lost = spool.ledger.lost["recorder"]
    assert held(spool) == [(1, seq) for seq in range(lost + 1, 120)]
    (gap,) = spool.gaps()[1]
    assert (gap.first, gap.last, gap.frames) == ((1, 1), (1, lost), lost)
    after = spool_in(small_disk / "spool", limit=1 << 20, consumers=("recorder",))
    assert held(after) == held(spool)


def test_a_medium_without_any_room_refuses_and_says_so(small_disk: Path) -> None:
    spool = spool_in(small_disk / "spool", consumers=("recorder",))
    making.fill(small_disk)
    assert not spool.put(coded(1, bytes(5000)), ("recorder",))
    assert (spool.refused, len(spool)) == (1, 0)


def test_a_consumer_that_is_no_longer_configured_holds_nothing_back(folder: Path) -> None:
    spool = spool_in(folder)
    put(spool, 1, names=("counter",))
    put(spool, 2)
    after = spool_in(folder, consumers=("recorder",))
    assert held(after) == [(1, 2)]


def test_put_rings_for_the_sender_and_its_time_is_known(folder: Path) -> None:
    rung: list[int] = []
    spool = DurableSpool(folder, 1 << 20, BOTH, FakeClock(), lambda: rung.append(1))
    put(spool, 1, 2)
    assert len(rung) == 2
    assert spool.put_p99_ms() == 0.0
