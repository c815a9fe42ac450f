"""How long and how often everything is measured, in full and in a quick run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """Repetitions per figure, seconds that count per repetition, numbers of consumers and cameras.

    Latency has repetitions of its own, since neighbours differ by a fifth: what is asleep between frames finds its
    caches in the hands of others. `peers` leaves out those that are not named; `say` prints progress.
    """

    repetitions: int
    paced_repetitions: int
    unpaced_s: float
    paced_s: float
    jpeg_s: float
    cameras_s: float
    consumers: tuple[int, ...]
    cameras: tuple[int, ...]
    readers: tuple[int, ...]
    peers: frozenset[str]
    say: Callable[[str], None] = print
    quick: bool = False

    @property
    def fewer_repetitions(self) -> int:
        """For what takes long and varies little."""
        return max(1, self.repetitions - 2)


def full(peers: frozenset[str]) -> Plan:
    """The figures of docs/benchmarks.md: some 25 minutes."""
    return Plan(5, 9, 1.5, 3.0, 4.0, 8.0, (1, 2, 4, 8), (1, 2, 4, 8), (0, 1, 8), peers)


def quick(peers: frozenset[str]) -> Plan:
    """A look whether everything works: about a minute and a half; its figures say little."""
    return Plan(1, 1, 0.5, 0.8, 1.5, 1.5, (1, 2), (1, 2), (0, 1, 2), peers, quick=True)
