from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from greencam.bus.spool import Spool
from tests.making import coded

sizes = st.integers(0, 400)


@given(st.integers(0, 1000), st.lists(sizes, max_size=60))
def test_it_holds_the_newest_that_fit_in_order_and_counts_the_rest(limit: int, puts: list[int]) -> None:
    spool = Spool(limit)
    for seq, size in enumerate(puts, 1):
        spool.put(coded(seq, bytes(size)))
        # One entry that is larger than the limit is still sent, or nothing ever would be.
        assert spool.size_bytes <= limit or len(spool) == 1
        assert spool.size_bytes == sum(len(entry.payload) for entry in spool.batch(1000, 1 << 30))
    held = [entry.header.seq for entry in spool.batch(1000, 1 << 30)]
    assert held == list(range(len(puts) - len(held) + 1, len(puts) + 1))
    assert spool.dropped == len(puts) - len(held)


@given(st.lists(sizes, max_size=40), st.integers(1, 20), st.integers(0, 2000))
def test_a_batch_is_the_oldest_within_its_limits_and_stays_until_released(
    puts: list[int], limit: int, limit_bytes: int
) -> None:
    spool = Spool(1 << 30)
    for seq, size in enumerate(puts, 1):
        spool.put(coded(seq, bytes(size)))
    sent: list[int] = []
    while len(spool):
        before = len(spool)
        batch = spool.batch(limit, limit_bytes)
        assert 1 <= len(batch) <= limit
        assert sum(len(entry.payload) for entry in batch) <= limit_bytes or len(batch) == 1
        assert len(spool) == before
        sent += [entry.header.seq for entry in batch]
        spool.release(batch[-1].header)
    assert sent == list(range(1, len(puts) + 1))
    assert spool.size_bytes == spool.dropped == 0


def test_release_goes_up_to_that_frame_also_over_epochs() -> None:
    spool = Spool(1 << 20)
    for epoch, seq in ((1, 8), (1, 9), (2, 1), (2, 2)):
        spool.put(coded(seq, b"x", epoch))
    spool.release(coded(9, b"x", epoch=1).header)
    assert [entry.header.frame_id for entry in spool.batch(10, 100)] == ["2-1", "2-2"]
    spool.release(coded(5, b"x", epoch=1).header)
    assert len(spool) == 2
    spool.release(coded(99, b"x", epoch=2).header)
    assert (len(spool), spool.size_bytes) == (0, 0)


def test_what_was_dropped_while_it_was_sent_is_not_missed_at_its_release() -> None:
    spool = Spool(3)
    for seq in range(1, 4):
        spool.put(coded(seq, b"x"))
    batch = spool.batch(10, 100)
    for seq in range(4, 6):
        spool.put(coded(seq, b"x"))
    spool.release(batch[-1].header)
    assert [entry.header.seq for entry in spool.batch(10, 100)] == [4, 5]
    assert (spool.dropped, spool.size_bytes) == (2, 2)


def test_two_threads_lose_nothing_between_them() -> None:
    spool = Spool(1 << 30)
    seen: list[int] = []

    def drain() -> None:
        while len(seen) < 2000:
            batch = spool.batch(32, 1000)
            if batch:
                seen.extend(entry.header.seq for entry in batch)
                spool.release(batch[-1].header)

    thread = threading.Thread(target=drain)
    thread.start()
    for seq in range(1, 2001):
        spool.put(coded(seq, b"xyz"))
    thread.join(30)
    assert seen == list(range(1, 2001))
    assert spool.size_bytes == 0


def test_whoever_sends_is_told_of_each_entry() -> None:
    rung: list[int] = []
    spool = Spool(1000, lambda: rung.append(len(spool)))
    spool.put(coded(1, b"x"))
    spool.put(coded(2, b"x"))
    assert rung == [1, 2]
