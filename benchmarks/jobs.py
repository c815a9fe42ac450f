"""What one measured process is asked to do and what it answers, as JSON lines between it and its parent."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Self

from benchmarks.peers import Place


@dataclass(frozen=True)
class Job:
    """The role (`send`, `receive`, `follow`, `carry`, `copy`, `hot`, `encode`, `decode`), over which peer, where.

    `fps` 0 means as fast as it goes; `latencies` asks for every single latency instead of percentiles only.
    """

    role: str
    peer: str
    place: Place
    fps: float = 0.0
    latencies: bool = False

    def to_text(self) -> str:
        """The same for a command line."""
        return json.dumps({**asdict(self), "place": self.place.to_json()})

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The opposite of `to_text`."""
        facts: dict[str, Any] = json.loads(text)
        return cls(**{**facts, "place": Place.from_json(facts["place"])})


@dataclass(frozen=True)
class Window:
    """When work begins, from when it counts and when it ends, in nanoseconds of CLOCK_MONOTONIC."""

    begin_ns: int
    count_ns: int
    end_ns: int

    @property
    def counted_s(self) -> float:
        """How long it counts, in seconds."""
        return (self.end_ns - self.count_ns) / 1e9
