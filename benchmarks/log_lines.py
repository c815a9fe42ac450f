"""Logs of any size, the same for the same seed: of a suite that logs everything, measurements, a system's."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

_BEGIN_S = 1_795_000_000.0
_PER_SECOND = 12.0
_Line = Callable[[random.Random, float], str]


def write(path: Path, kind: str, size_bytes: int, seed: int = 1) -> int:
    """Write a log of at least this size; how many lines it has."""
    count = written = 0
    with path.open("w") as stream:
        for text in lines(kind, seed):
            stream.write(text)
            written += len(text)
            count += 1
            if written >= size_bytes:
                break
    return count


def lines(kind: str, seed: int) -> Iterator[str]:
    """Lines without end, with their line breaks."""
    dice, at_s, make = random.Random(seed), _BEGIN_S, KINDS[kind]
    while True:
        at_s += dice.expovariate(_PER_SECOND)
        yield make(dice, at_s)


def _stamp(at_s: float) -> str:
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(at_s))},{int(at_s % 1 * 1000):03}"


def _suite(dice: random.Random, at_s: float) -> str:
    """LOG_LEVEL DEBUG, three cameras; 2 % errors and warnings, a connection that is looked at often."""
    camera = f"cam{dice.randint(1, 3)}"
    choice = dice.random()
    if choice < 0.90:
        text = f"DEBUG - {camera}_stream[{camera}]: frame {dice.randint(1, 10**6)} took {9 * dice.random():.2f} ms"
    elif choice < 0.95:
        text = f"INFO - storeimages[recorder]: stored {dice.randint(1, 99)} images, {dice.randint(1, 10**6)} KB"
    elif choice < 0.97:
        facts = {
            "service": "redis",
            "status": dice.random() < 0.98,
            "details": {},
            "uptime": round(at_s - _BEGIN_S, 1),
        }
        text = f"INFO - CONNECTION: {json.dumps({**facts, 'source': 'start'})}"
    elif choice < 0.98:
        text = f"INFO - {camera}_stream[{camera}]: streaming, 1280x720 at {30 * dice.random():.1f} fps"
    elif choice < 0.99:
        text = f"WARNING - client: {dice.randint(1, 50)} frames were missed"
    else:
        text = f"ERROR - {camera}_stream[{camera}]: the camera gave no frame for {5 * dice.random():.1f} s"
    return f"{_stamp(at_s)} - camera_system - {text}\n"


def _measurements(dice: random.Random, at_s: float) -> str:
    value = {"cpu_percent": round(100 * dice.random(), 1), "memory_percent": round(100 * dice.random(), 1)}
    facts: dict[str, Any] = {"metric": "system_health", "value": value, "unit": None}
    if dice.random() < 0.5:
        facts = {"metric": "fetch_image_duration", "value": round(dice.random() / 10, 5), "unit": "seconds"}
    facts |= {"timestamp": round(at_s, 3), "uptime": round(at_s - _BEGIN_S, 1)}
    return f"{_stamp(at_s)} - PERF: {json.dumps(facts)}\n"


def _syslog(dice: random.Random, at_s: float) -> str:
    when = time.strftime("%b %d %H:%M:%S", time.localtime(at_s))
    text = dice.choice(
        [
            f"kernel: [{at_s % 10**6:.6f}] usb 1-1.{dice.randint(1, 4)}: reset high-speed USB device",
            f"systemd[1]: Started session-{dice.randint(1, 9999)}.scope",
            f"sshd[{dice.randint(300, 30000)}]: error: maximum authentication attempts exceeded for root",
        ]
    )
    return f"{when} pi {text}\n"


KINDS: dict[str, _Line] = {"suite": _suite, "measurements": _measurements, "syslog": _syslog}
