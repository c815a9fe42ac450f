"""Which slot a command belongs to, and which node a slot belongs to, without a Cluster."""

from __future__ import annotations

from typing import Any

import pytest
from redis.crc import key_slot
from redis.exceptions import ClusterDownError

from greencam.bus.cluster import has_tag, slot_map, slot_of


@pytest.mark.parametrize(
    ("words", "key"),
    [
        (("GET", "{a}b"), b"a"),
        (("XINFO STREAM", "{a}b"), b"a"),
        (("XGROUP CREATE", b"{a}b", "g", "$"), b"a"),
        (("XREAD", b"COUNT", 5, b"BLOCK", 10, b"STREAMS", "{a}b", b"0-0"), b"a"),
        (("XREADGROUP", "GROUP", "g", "c", "COUNT", 1, b"STREAMS", "{a}b", ">"), b"a"),
        (("SPUBLISH", "{a}b", "x"), b"a"),
        (("PUBLISH", "a", "x"), None),
        (("PING",), None),
        (("INFO", "server"), None),
    ],
)
def test_the_slot_of_a_command_is_that_of_its_key(words: tuple[Any, ...], key: bytes | None) -> None:
    assert slot_of(words) == (None if key is None else key_slot(key))


@pytest.mark.parametrize(
    ("name", "has"),
    [("a{b}c", True), (b"a{b}c", True), ("a{}c", False), ("abc", False), ("a}b{", False), ("{", False)],
)
def test_a_tag_is_what_stands_in_braces(name: str | bytes, has: bool) -> None:
    assert has_tag(name) is has


def test_a_map_takes_the_asked_host_for_one_without_a_name() -> None:
    told = slot_map(("h", 1), [[0, 9, [b"", 7, b"id"]], [10, 20, [None, 8, b"id"]], [30, 40, [b"x", 9, b"id", []]]])
    assert [told.owner(slot) for slot in (0, 9, 10, 30, None)] == [("h", 7), ("h", 7), ("h", 8), ("x", 9), ("h", 1)]
    for slot in (21, 29, 41):
        with pytest.raises(ClusterDownError):
            told.owner(slot)
