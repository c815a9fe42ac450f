"""Durable frames as a consumer gets them, made by the product's own parts."""

from __future__ import annotations

from greencam.bus.chain import NONE, Link, Place
from greencam.bus.follower import Taken
from greencam.client.durable import DurableFrame
from tests.making import entry


def durable(seq: int, epoch: int = 1, number: int | None = None) -> DurableFrame:
    """Frame `seq` of a chain that has every frame."""
    link = Link((epoch, seq - 1) if seq > 1 else NONE, number or seq)
    return DurableFrame(Taken(entry(seq, epoch), link, Place((epoch, seq), link.number)))


def durables(first: int, last: int, epoch: int = 1) -> list[DurableFrame]:
    """Frames from `first` to `last`."""
    return [durable(seq, epoch) for seq in range(first, last + 1)]
