"""The ways to carry a frame that are compared, each behind the same two ends."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, Self

from greencam.frame.picture import Pixels


@dataclass(frozen=True)
class Place:
    """Where the two ends meet: a private folder in memory, a free TCP port, how large the pictures are.

    `slots` bounds what may be under way at once (ring slots, queue lengths).
    """

    folder: Path
    port: int
    width: int
    height: int
    slots: int

    @property
    def name(self) -> str:
        """A word that no other run uses."""
        return self.folder.name

    def to_json(self) -> dict[str, Any]:
        """The same for another process."""
        return {**asdict(self), "folder": str(self.folder)}

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> Self:
        """The opposite of `to_json`."""
        return cls(**{**facts, "folder": Path(facts["folder"])})


class Sender(Protocol):
    """The producing end."""

    def send(self, pixels: Pixels) -> None:
        """Hand a picture over; the caller changes `pixels` for the next one as soon as this returns."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...


class Receiver(Protocol):
    """One consuming end."""

    def receive(self, timeout_s: float) -> Pixels | None:
        """The next picture, or None when none came in about this time."""
        ...

    def confirm(self, number: int) -> bool:
        """After use: whether the picture was number `number` and stayed whole; lets go of it."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...


@dataclass(frozen=True)
class Peer:
    """One way: its name in tables, the module with `make_sender` and `make_receiver`, what it needs.

    `reference` ones explain a figure of another and are measured at 100 fps only; `streaming` senders copy as
    greencam's worker does, past the cache (frame/copying).
    """

    name: str
    label: str
    module: str
    needs: tuple[str, ...] = ()
    reference: bool = False
    streaming: bool = False

    @property
    def installed(self) -> bool:
        """Whether everything it needs can be imported."""
        return all(find_spec(package) is not None for package in self.needs)


PEERS = {
    peer.name: peer
    for peer in (
        Peer("ring", "greencam ring", "ring", streaming=True),
        Peer("feed", "greencam ring, through `Feed`", "feed", streaming=True),
        Peer("iceoryx2", "iceoryx2, loan + event", "iceoryx", ("iceoryx2",)),
        Peer(
            "iceoryx2-kept",
            "iceoryx2, each sample kept until the next",
            "iceoryx_kept",
            ("iceoryx2",),
            reference=True,
        ),
        Peer("floor", "floor: futex wait and one look", "floor", reference=True, streaming=True),
        Peer("imagezmq", "imagezmq REQ/REP, raw, unix socket", "zeromq", ("imagezmq",)),
        Peer("imagezmq-tcp", "imagezmq REQ/REP, raw, TCP", "zeromq_tcp", ("imagezmq",)),
        Peer("netgear", "vidgear NetGear PAIR, raw", "netgear", ("vidgear", "zmq", "cv2")),
        Peer("raw", "raw bytes over Redis pub/sub", "raw_pubsub"),
        Peer("pickled", "pickled frames over Redis pub/sub", "pickled_pubsub"),
    )
}


def sender(name: str, place: Place) -> Sender:
    """The producing end of the peer of that name."""
    made: Sender = import_module(f"benchmarks.peers.{PEERS[name].module}").make_sender(place)
    return made


def receiver(name: str, place: Place) -> Receiver:
    """A consuming end of the peer of that name."""
    made: Receiver = import_module(f"benchmarks.peers.{PEERS[name].module}").make_receiver(place)
    return made
