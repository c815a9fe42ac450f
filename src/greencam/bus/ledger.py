"""What each durable consumer was promised, has taken and will never get; values only, no files and no locks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from greencam.bus.chain import NONE, FrameId, Gap, Link, Place, id_text, parse_id

SPOOL_FULL, RELEASED, DAMAGED = "spool full", "released", "damaged"
_GAPS_EACH = 64


class Ledger:
    """Chains, acknowledgements and gaps of the consumers that are configured for one camera.

    `ends` is the newest frame of each chain, `acks` what each consumer has acknowledged, `released` who was
    given up; `lost` counts frames in gaps per consumer, for ever.
    """

    def __init__(self, consumers: Collection[str]) -> None:
        self.consumers = tuple(consumers)
        self.newest: FrameId = NONE
        self.ends: dict[str, Place] = {}
        self.acks: dict[str, FrameId] = {}
        self.released: set[str] = set()
        self.gaps: list[Gap] = []
        self.lost: dict[str, int] = {}
        self.version = 0  # of the gaps, so that whoever tells them knows when to tell them anew

    @property
    def active(self) -> tuple[str, ...]:
        """The consumers that frames are kept for."""
        return tuple(name for name in self.consumers if name not in self.released)

    def links(self, names: Collection[str]) -> dict[str, Link]:
        """What the next accepted frame carries for the consumers that wish for it."""
        ends = {name: self.ends.get(name, Place()) for name in names if name in self.consumers}
        return {name: Link(end.id, end.number + 1) for name, end in ends.items()}

    def accept(self, frame: FrameId, links: Mapping[str, Link]) -> None:
        """Note that this frame was accepted."""
        self.newest = frame
        for name, link in links.items():
            self.ends[name] = Place(frame, link.number)

    def acknowledge(self, name: str, frame: FrameId) -> bool:
        """Note how far a consumer is; False for an old report, a stranger, or a frame that never was."""
        if name not in self.consumers or not self.ack(name) < frame <= self.newest:
            return False
        self.acks[name] = frame
        kept = [gap for gap in self.gaps if gap.consumer != name or gap.last > frame]
        if len(kept) != len(self.gaps):
            self.gaps, self.version = kept, self.version + 1
        return True

    def ack(self, name: str) -> FrameId:
        """What this consumer has acknowledged, NONE before its first."""
        return self.acks.get(name, NONE)

    def awaited(self, frame: FrameId, links: Mapping[str, Link]) -> bool:
        """Whether the spool has to keep this frame for anybody."""
        return any(
            name in self.consumers and name not in self.released and self.ack(name) < frame for name in links
        )

    def lose(self, frame: FrameId, links: Mapping[str, Link], cause: str) -> None:
        """Note that this frame is gone for everybody who wished for it and has not acknowledged it."""
        for name, link in links.items():
            if name in self.consumers and self.ack(name) < frame:
                self._extend(name, frame, link, cause)
                self.lost[name] = self.lost.get(name, 0) + 1
                self.version += 1

    def _extend(self, name: str, frame: FrameId, link: Link, cause: str) -> None:
        mine = [index for index, gap in enumerate(self.gaps) if gap.consumer == name]
        last = self.gaps[mine[-1]] if mine else None
        if last is not None and last.last == link.prev and last.cause == cause:
            self.gaps[mine[-1]] = last._replace(last=frame, frames=last.frames + 1)
            return
        if len(mine) >= _GAPS_EACH:
            del self.gaps[mine[0]]
        self.gaps.append(Gap(name, link.prev, frame, frame, 1, cause))

    def as_dict(self) -> dict[str, Any]:
        """Everything, for a checkpoint."""
        ends = {name: [id_text(end.id), end.number] for name, end in self.ends.items()}
        return {"newest": id_text(self.newest), "ends": ends, **self.changes_as_dict()}

    def changes_as_dict(self) -> dict[str, Any]:
        """What changes when consumers report or frames are given up."""
        return {
            "acks": {name: id_text(frame) for name, frame in self.acks.items()},
            "released": sorted(self.released),
            "gaps": [gap.as_dict() for gap in self.gaps],
            "lost": self.lost,
        }

    def restore_changes(self, facts: Mapping[str, Any]) -> None:
        """Read `changes_as_dict` back; raises ValueError or KeyError for anything else."""
        found = [gap for gap in self.gaps if gap.cause == DAMAGED]  # the writer of this did not know of them
        self.gaps = [Gap.from_dict(gap) for gap in facts["gaps"]]
        self.lost = {str(name): int(count) for name, count in facts["lost"].items()}
        for gap in found:
            if gap not in self.gaps:
                self._add_damage(gap)
        self.released = set(facts["released"])
        for name, text in facts["acks"].items():
            self.acknowledge(name, parse_id(text))
        self.version += 1

    def restore(self, facts: Mapping[str, Any]) -> None:
        """Read `as_dict` back; frames between what was known and this are noted as damaged."""
        before, known = dict(self.ends), self.newest
        self.newest = parse_id(facts["newest"])
        self.ends = {name: Place(parse_id(text), int(number)) for name, (text, number) in facts["ends"].items()}
        self.restore_changes(facts)
        if known != NONE:
            self._note_damage(before)

    def _note_damage(self, before: Mapping[str, Place]) -> None:
        for name in self.consumers:
            was, end = before.get(name, Place()), self.ends.get(name, Place())
            count = end.number - was.number
            if count > 0 and self.ack(name) < end.id:
                first = was.id[0], was.id[1] + 1
                self._add_damage(Gap(name, was.id, first, end.id, count, DAMAGED))

    def _add_damage(self, gap: Gap) -> None:
        self.gaps.append(gap)
        self.lost[gap.consumer] = self.lost.get(gap.consumer, 0) + gap.frames
