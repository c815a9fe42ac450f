"""What the commands that write a section of a page have in common: options, order, files, verdict."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import machine, marked
from benchmarks.report import table
from benchmarks.targets import Target
from greencam.base.files import read_json, write_atomic

Found = dict[str, Any]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Campaign:
    """Several measurements, each a function of plan and `say`; `text` makes the page's section out of all figures.

    `name` is the section's and the JSON file's, `page` has the section; `plans` are the full and the quick one.
    """

    name: str
    about: str
    runs: Mapping[str, Callable[[Any, Say], Any]]
    plans: tuple[Any, Any]
    targets: Callable[[Found], list[Target]]
    text: Callable[[Found, Path], str]
    page: str = "reliability.md"


def run(campaign: Campaign, docs: Path, argv: list[str] | None) -> int:
    """Measure one after the other, write after each; exit 1 when a target was missed, 130 when interrupted."""
    options = _options(campaign, docs, argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the same clean end as for Ctrl-C
    path = options.out / "benchmarks" / f"{campaign.name.replace(' ', '-')}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    found: Found = read_json(path) or {}
    plan = campaign.plans[options.quick]
    chosen = [] if options.page else options.only or list(campaign.runs)
    try:
        for name in chosen:
            facts = machine.facts()
            figures = campaign.runs[name](plan, lambda text: print(text, flush=True))
            found[name] = {"machine": facts, "plan": vars(plan), "figures": figures}
            write_atomic(path, (json.dumps(found, indent=1, sort_keys=True) + "\n").encode(), 0o644)
            marked.put(options.out / campaign.page, campaign.name, campaign.text(found, path.parent))
        if not chosen:
            marked.put(options.out / campaign.page, campaign.name, campaign.text(found, path.parent))
    except KeyboardInterrupt:
        print("interrupted; sections that were finished are written", file=sys.stderr)
        return 130
    return _verdict(campaign.targets(found), options.out / campaign.page)


def _options(campaign: Campaign, docs: Path, argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=campaign.about)
    parser.add_argument("--quick", action="store_true", help="to see that everything works")
    parser.add_argument("--only", action="append", choices=list(campaign.runs), help="this part; may be repeated")
    parser.add_argument("--page", action="store_true", help="measure nothing: the page anew from known figures")
    parser.add_argument("--out", type=Path, default=docs, metavar="DIR", help="where to write (docs/)")
    return parser.parse_args(argv)


def _verdict(targets: list[Target], page: Path) -> int:
    missed = [target for target in targets if not target.met]
    print(f"{page}: written; {len(missed)} of {len(targets)} targets missed")
    for target in missed:
        print(f"  {target.what}: {target.wanted} wanted, {target.measured} measured")
    return 1 if missed else 0


def judged(found: Found, makers: Mapping[str, Callable[[Any], list[Target]]]) -> list[Target]:
    """The targets of every part that was measured; one that could not be made here has no figures and none."""
    parts = ((found.get(name), make) for name, make in makers.items())
    return [target for part, make in parts if part and part["figures"] for target in make(part["figures"])]


def head(title: str, how: str, found: Found, made: list[Target]) -> list[str]:
    """The beginning of a section: how it was measured, on what, and each target with what came out."""
    facts = max((part["machine"] for part in found.values()), key=lambda one: one["date"])
    box = f"{facts['cpu']}, {facts['cores']} cores, {facts['kernel']}, Python {facts['python']}"
    rows = ((t.what, t.wanted, t.measured, "met" if t.met else "**missed**") for t in made)
    return [
        f"## {title}\n",
        how,
        f"{facts['date']}, commit {facts['commit']}; {box}; load before {facts['load_before']}.\n",
        f"{sum(target.met for target in made)} of {len(made)} targets met.\n",
        table(("target", "wanted", "measured", ""), rows),
    ]
