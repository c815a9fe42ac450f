"""How long to wait before the next try: doubling, jittered, capped; never giving up."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Backoff:
    """Delays first_s, ×factor each time, capped at limit_s, each spread by ±jitter (0.2 = ±20 %)."""

    first_s: float = 0.5
    limit_s: float = 30.0
    factor: float = 2.0
    jitter: float = 0.2
    draw: Callable[[], float] = field(default=random.random, repr=False)
    tries: int = 0

    def next_delay_s(self) -> float:
        """The delay before the next try, in seconds; counts this one."""
        exponent = min(self.tries, 64)  # 2.0**1024 would overflow after a thousand tries
        plain = min(self.limit_s, self.first_s * self.factor**exponent)
        self.tries += 1
        return min(self.limit_s, plain * (1 + self.jitter * (2 * self.draw() - 1)))

    def reset(self) -> None:
        """Start over: it worked."""
        self.tries = 0
