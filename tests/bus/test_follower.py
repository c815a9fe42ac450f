from __future__ import annotations

import pytest

from greencam.base.errors import CorruptFrame
from greencam.bus.chain import (
    ACKNOWLEDGED,
    NONE,
    FrameId,
    Gap,
    Link,
    Place,
    Verdict,
    covering,
    judge,
    pack_links,
    parse_id,
    unpack_links,
)  # fmt: skip
from greencam.bus.follower import Follower, Item, Rejected, Taken
from tests.making import coded


@pytest.mark.parametrize(
    ("place", "frame", "link", "verdict"),
    [
        (Place(), (1, 1), Link(NONE, 1), Verdict.TAKE),
        (Place(), (1, 9), Link((1, 5), 4), Verdict.FRESH),
        (Place((1, 5), 3), (1, 9), Link((1, 5), 4), Verdict.TAKE),
        (Place((1, 5), 3), (1, 5), Link((1, 2), 3), Verdict.REPEAT),
        (Place((2, 1), 9), (1, 900), Link((1, 899), 8), Verdict.REPEAT),
        (Place((1, 5), 3), (1, 11), Link((1, 9), 5), Verdict.HOLE),
        (Place((1, 5), 3), (2, 1), Link((1, 5), 4), Verdict.TAKE),
        (Place((1, 5), 3), (2, 1), Link((1, 8), 6), Verdict.HOLE),
        (Place((1, 5), 3), (2, 1), Link(NONE, 1), Verdict.BROKEN),
        (Place((1, 8), 6), (2, 1), Link((1, 5), 4), Verdict.TAKE),  # the spool lost its tail, we had it already
    ],
)
def test_what_a_frame_is_to_one_who_stands(place: Place, frame: FrameId, link: Link, verdict: Verdict) -> None:
    assert judge(place, frame, link) is verdict


def item(seq: int, prev: int, number: int, name: str = "me") -> Item:
    return Item((1, seq), {name: Link((1, prev) if prev else NONE, number)}, coded(seq, b"x"))


def seqs(events: object) -> list[int]:
    assert isinstance(events, list)
    return [event.place.id[1] for event in events if isinstance(event, Taken)]


def test_a_hole_is_waited_for_and_then_counted_as_lost_loudly(caplog: pytest.LogCaptureFixture) -> None:
    follower = Follower("me", Place((1, 3), 3), 10.0)
    late = item(9, 7, 6)
    assert follower.look(late, list, 100.0) is None
    assert follower.hole_s(104.0) == 4.0
    assert follower.look(late, list, 109.9) is None
    assert follower.place == Place((1, 3), 3)
    events = follower.look(late, list, 110.0)
    assert events is not None
    assert isinstance(events[0], Gap)
    assert (events[0].frames, events[0].first, events[0].last, events[0].cause) == (2, (1, 4), (1, 7), "lost")
    assert seqs(events) == [9]
    assert (follower.lost, follower.gaps, follower.hole_s(110.0)) == (2, 1, 0.0)
    assert "ALERT" in caplog.text


def test_a_hole_that_is_filled_in_time_costs_nothing() -> None:
    follower = Follower("me", Place((1, 3), 3), 10.0)
    assert follower.look(item(9, 7, 5), list, 100.0) is None
    assert seqs(follower.look(item(7, 3, 4), list, 101.0)) == [7]
    assert seqs(follower.look(item(9, 7, 5), list, 101.0)) == [9]
    assert (follower.lost, follower.hole_s(300.0)) == (0, 0.0)


def test_a_gap_record_is_believed_at_once_also_by_one_who_stands_within_it() -> None:
    record = Gap("me", (1, 3), (1, 5), (1, 20), 10, "spool full")
    follower = Follower("me", Place((1, 9), 6), 10.0)
    events = follower.look(item(21, 20, 14), lambda: [record], 0.0)
    assert events is not None
    assert isinstance(events[0], Gap)
    assert (events[0].frames, events[0].first, events[0].cause) == (7, (1, 10), "spool full")


def test_several_gaps_may_explain_one_hole_and_half_an_explanation_is_none() -> None:
    gaps = [Gap("me", (1, 3), (1, 5), (1, 9), 2, "a"), Gap("me", (1, 9), (1, 10), (1, 12), 2, "b")]
    place, link = Place((1, 4), 4), Link((1, 12), 9)
    found = covering(gaps, place, link)
    assert found is not None
    assert (found.first, found.last, found.cause) == ((1, 5), (1, 12), "a and b")
    assert covering(gaps[1:], place, link) is None
    assert covering(gaps[:1], place, link) is None
    assert covering([*gaps[:1], Gap("me", NONE, NONE, (1, 12), 0, ACKNOWLEDGED)], Place(), link) is not None


def test_frames_for_others_and_repeats_move_nothing() -> None:
    follower = Follower("me", Place((1, 3), 3), 10.0)
    assert follower.look(item(4, 0, 1, "other"), list, 0.0) == []
    assert follower.look(item(2, 1, 2), list, 0.0) == []
    assert (follower.repeats, follower.place) == (1, Place((1, 3), 3))


def test_what_is_no_frame_is_told_once_and_never_moves_the_place() -> None:
    follower = Follower("me", Place((1, 3), 3), 10.0)
    bad = Item((1, 900), {}, CorruptFrame("no", cause="magic"))
    assert follower.look(bad, list, 0.0) == [Rejected((1, 900), "magic")]
    assert follower.look(bad, list, 0.0) == []
    assert seqs(follower.look(item(4, 3, 4), list, 0.0)) == [4]
    assert follower.rejected == 1


def test_a_chain_that_begins_anew_is_told_and_followed() -> None:
    follower = Follower("me", Place((1, 3), 3), 10.0)
    events = follower.look(Item((2, 1), {"me": Link(NONE, 1)}, coded(1, b"x", 2)), list, 0.0)
    assert events is not None
    assert isinstance(events[0], Gap)
    assert (events[0].cause, events[0].frames) == ("spool lost", 0)
    assert (follower.breaks, follower.place) == (1, Place((2, 1), 1))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x" * 20_000,
        b"[]",
        b"[1]",
        b'{"a": 1}',
        b'{"a": ["1-1"]}',
        b'{"a": ["1-1", 0]}',
        b'{"a": ["1-1", "x"]}',
        b'{"a": ["x", 1]}',
        b"[" * 9000,
        b"\xff",
        b'{"a": ["99999999999999999999999-1", 1]}',
    ],
)
def test_links_that_are_none_are_refused(data: bytes) -> None:
    with pytest.raises(CorruptFrame):
        unpack_links(data)


def test_links_come_back_as_they_were() -> None:
    links = {"me": Link((3, 4), 5), "you": Link(NONE, 1)}
    assert unpack_links(pack_links(links)) == links


@pytest.mark.parametrize("text", ["", "1", "1-", "-1", "1-1-1", "a-1", "1-²", "1" * 50 + "-1"])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a frame ID"):
        parse_id(text)
