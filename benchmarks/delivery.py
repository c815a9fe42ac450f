#!/usr/bin/env python3
"""Torment Redis, recorder and capture for a while and count what became of the frames.

Usage: benchmarks/delivery.py [--minutes 4] [--seed 1] [--quick] [--out DIR]
Writes its section of reliability.md, reliability/delivery.json and reliability/delivery.svg below DIR (docs/).
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(_ROOT), str(_ROOT / "src")]

from benchmarks import machine, marked  # noqa: E402 - the folders above come first
from benchmarks.delivering import page, runs  # noqa: E402
from greencam.base.files import write_atomic  # noqa: E402


def main(argv: list[str] | None = None) -> int:
    """Run everything, write, print the targets; exit 1 when one is missed, 130 when interrupted."""
    parser = argparse.ArgumentParser(description="Count what becomes of frames while everything goes wrong.")
    parser.add_argument("--minutes", type=float, default=4.0, metavar="N", help="how long the faults go on (4)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the order of the faults (1)")
    parser.add_argument("--quick", action="store_true", help="short outages: shows that the program works")
    parser.add_argument("--out", type=Path, default=_ROOT / "docs", metavar="DIR", help="where to write (docs/)")
    options = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the same clean end as for Ctrl-C
    quick = options.quick
    try:
        found = {
            "machine": machine.facts(),
            "quick": quick,
            "faults": runs.faults(0.0 if quick else options.minutes * 60, options.seed),
            "outage": runs.outage(3.0 if quick else 20.0),
            "kills": runs.kills(5 if quick else 20, 10.0 if quick else 60.0, options.seed),
            "overflow": runs.overflow(6.0 if quick else 10.0),
            "cost": runs.cost(2.0 if quick else 8.0, 1 if quick else 3),
        }
    except KeyboardInterrupt:
        print("interrupted; nothing is written", file=sys.stderr)
        return 130
    return _write(options.out, runs.plain(found))


def _write(out: Path, found: dict[str, object]) -> int:
    folder = out / "reliability"
    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(folder / "delivery.json", (json.dumps(found, sort_keys=True) + "\n").encode(), 0o644)
    faults = found["faults"]
    assert isinstance(faults, dict)  # noqa: S101 - it was just made as one
    write_atomic(folder / "delivery.svg", page.plot(faults).encode(), 0o644)
    marked.put(out / "reliability.md", "delivery", page.section(found))
    rows = page.targets(found)
    for what, wanted, measured, met in rows:
        print(f"{'met   ' if met else 'MISSED'} {what}: {measured} (wanted {wanted})")
    return 0 if all(row[3] for row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
