#!/usr/bin/env python3
"""Measure how greencam carries frames, next to its peers.

Usage: benchmarks/transport.py [--quick] [--only NAME]… [--peers NAME,…] [--out DIR]
Writes DIR/benchmarks.md, DIR/benchmarks/results.json and plots; DIR is docs/ unless named.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(_ROOT), str(_ROOT / "src")]

from benchmarks import machine, plan, results  # noqa: E402 - the folders above come first
from benchmarks.peers import PEERS  # noqa: E402
from benchmarks.sections import SECTIONS  # noqa: E402
from benchmarks.stage import StageError  # noqa: E402


def main(argv: list[str] | None = None) -> int:
    """Measure section after section, write after each; exit 1 when one failed, 130 when interrupted."""
    options = _options(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the same clean end as for Ctrl-C
    peers = frozenset(options.peers.split(",")) if options.peers else frozenset(PEERS)
    chosen = plan.quick(peers) if options.quick else plan.full(peers)
    failed: list[str] = []
    began_s = time.monotonic()
    try:
        for name in options.only or SECTIONS:
            run = {"machine": machine.facts(), "quick": chosen.quick}
            try:
                found = SECTIONS[name](chosen)
            except StageError as error:
                print(f"{name}: {error}", file=sys.stderr)
                failed.append(name)
            else:
                results.put(options.out, name, {"run": run, **found})
    except KeyboardInterrupt:
        print("interrupted; sections that were finished are written", file=sys.stderr)
        return 130
    print(f"{options.out / 'benchmarks.md'}: written after {time.monotonic() - began_s:.0f} s")
    return 1 if failed else 0


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure how greencam carries frames, next to its peers.")
    parser.add_argument("--quick", action="store_true", help="about 90 s, to see that everything works")
    parser.add_argument("--only", action="append", choices=list(SECTIONS), help="this section; may be repeated")
    parser.add_argument("--peers", metavar="NAME,…", help=f"only these of {', '.join(PEERS)}")
    parser.add_argument("--out", type=Path, default=_ROOT / "docs", metavar="DIR", help="where to write (docs/)")
    return parser.parse_args(argv)


if __name__ == "__main__":
    raise SystemExit(main())
