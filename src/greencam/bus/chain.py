"""Who has to get which frame, as values: frame IDs, each consumer's chain, gaps, and what a reader makes of them.

Each accepted frame carries, for every durable consumer that wishes for it, a link: the ID of the frame before
it in this consumer's chain and its own number there (1, 2, 3 …). So a consumer sees a hole without knowing the
camera's rate, and knows exactly how many frames are in it. docs/reference/delivery.md tells the protocol.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from greencam.base.errors import CorruptFrame

FrameId = tuple[int, int]
NONE: FrameId = (0, 0)
ACKNOWLEDGED = "acknowledged before"  # the cause in a record of what a consumer has had already
_ID_LIMIT = 1 << 64  # a stream ID is two unsigned words of 64 bits
_LINKS_LIMIT_BYTES = 16 << 10
_CAUSES_BYTES = 64


class Link(NamedTuple):
    """A frame's place in one consumer's chain: the frame before it and its own number, from 1."""

    prev: FrameId
    number: int


class Place(NamedTuple):
    """Where a consumer stands: the last frame that it has taken and that frame's number in its chain."""

    id: FrameId = NONE
    number: int = 0


class Gap(NamedTuple):
    """Frames that one consumer will never get: so many accepted ones from `first` to `last`.

    `prev` is the frame before `first` in the consumer's chain. A record with the cause ACKNOWLEDGED, from the very
    beginning and of 0 frames, tells a consumer that lost its store what it has had.
    """

    consumer: str
    prev: FrameId
    first: FrameId
    last: FrameId
    frames: int
    cause: str

    def as_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        ids = {name: id_text(getattr(self, name)) for name in ("prev", "first", "last")}
        return {"consumer": self.consumer, **ids, "frames": self.frames, "cause": self.cause}

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Gap:
        """Read what `as_dict` made; raises ValueError for anything else."""
        try:
            ids = [parse_id(facts[name]) for name in ("prev", "first", "last")]
            frames, cause = int(facts["frames"]), str(facts["cause"])[:_CAUSES_BYTES]
            return cls(str(facts["consumer"]), ids[0], ids[1], ids[2], frames, cause)
        except (KeyError, TypeError) as error:
            raise ValueError("not a gap record") from error


class Verdict(StrEnum):
    """What a consumer does with a frame of its chain."""

    TAKE = "take"
    REPEAT = "repeat"  # it has this one already
    HOLE = "hole"  # something between its place and this frame has not come
    FRESH = "fresh"  # the same for a consumer that has no place yet
    BROKEN = "broken"  # the chain begins anew: what came before was lost with its medium, uncounted


def judge(place: Place, frame: FrameId, link: Link) -> Verdict:
    """What to do with `frame`, which has this link, when one stands at `place`."""
    if frame <= place.id:
        return Verdict.REPEAT
    if place.id == NONE:
        return Verdict.TAKE if link.prev == NONE else Verdict.FRESH
    if link.prev == NONE:
        return Verdict.BROKEN
    return Verdict.HOLE if link.prev > place.id else Verdict.TAKE


def covering(gaps: Iterable[Gap], place: Place, link: Link) -> Gap | None:
    """What explains all that lies between `place` and the frame with this link, several gaps as one; or None."""
    reach, used = place.id, list[Gap]()
    left = sorted(gaps, key=lambda gap: (gap.cause == ACKNOWLEDGED, -gap.last[0], -gap.last[1]))
    while reach < link.prev:
        found = next((gap for gap in left if gap.prev <= reach < gap.last), None)
        if found is None:
            return None
        used.append(found)
        reach = found.last
    causes = " and ".join(dict.fromkeys(gap.cause for gap in used))
    return used[0]._replace(last=reach, cause=causes) if used else None


def missing(place: Place, link: Link) -> int:
    """How many frames of the chain lie between `place` and the frame with this link; 1 at least."""
    return max(1, link.number - place.number - 1)


def id_text(frame: FrameId) -> str:
    """`<epoch>-<seq>`."""
    return f"{frame[0]}-{frame[1]}"


def parse_id(text: str | bytes) -> FrameId:
    """The ID that this text is; raises ValueError."""
    plain = text.decode("ascii") if isinstance(text, bytes) else text
    epoch, _, seq = plain.partition("-")
    if not (epoch.isdecimal() and seq.isdecimal() and len(plain) <= 41):
        raise ValueError(f"{plain[:50]!r} is not a frame ID")
    frame = int(epoch), int(seq)
    if max(frame) >= _ID_LIMIT:
        raise ValueError(f"{plain} is not a frame ID")
    return frame


def pack_links(links: Mapping[str, Link]) -> bytes:
    """Links as JSON: `{"recorder": ["5-90", 57]}`."""
    plain = {name: [id_text(link.prev), link.number] for name, link in links.items()}
    return json.dumps(plain, separators=(",", ":")).encode()


def unpack_links(data: bytes) -> dict[str, Link]:
    """Read what `pack_links` made; raises CorruptFrame for anything else."""
    if len(data) > _LINKS_LIMIT_BYTES:
        raise CorruptFrame(f"links of {len(data)} bytes", cause="links")
    try:
        plain = json.loads(data)
        return {str(name): Link(parse_id(prev), _number(number)) for name, (prev, number) in plain.items()}
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise CorruptFrame("the links of a frame can't be read", cause="links") from error


def _number(value: object) -> int:
    if not isinstance(value, int) or value < 1:
        raise ValueError("not a number in a chain")
    return value
