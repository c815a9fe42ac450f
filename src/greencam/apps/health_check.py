"""health_check.py: everything that can be wrong, within a second (guide 1, "Health Check Script")."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Collection

from greencam.apps import health_text
from greencam.apps.arguments import seconds
from greencam.apps.edge import at_the_edge
from greencam.apps.health_memory import read_memory, write_memory
from greencam.apps.health_probes import DEADLINE_S, probes
from greencam.apps.health_verdicts import COMPONENTS, Seen, sections
from greencam.apps.screen import Screen
from greencam.base import log
from greencam.base.clock import Clock, SystemClock
from greencam.base.place import last_look_path
from greencam.base.probes import ask_all
from greencam.base.stop import Stop
from greencam.settings.load import load
from greencam.settings.model import Settings
from greencam.telemetry.checks.report import Report

_EVERY_S = 2.0
_SHORTEST_S = 1.0


def main(argv: list[str] | None = None) -> int:
    """Look, tell; exit 0 when all is well, 1 on a warning, 2 when something is critical or on a wrong word."""
    words = sys.argv[1:] if argv is None else argv
    return at_the_edge(lambda: _check(_parser().parse_args(words)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="health_check.py",
        description="Look at cameras, processes, Redis, delivery, this machine, logs and network; tell what is "
        "wrong and what to do. Exit code 0: well, 1: warning, 2: critical.",
    )
    parser.add_argument("--json", action="store_true", help="as JSON; with --watch one object per line")
    parser.add_argument(
        "--watch", nargs="?", type=seconds, const=_EVERY_S, metavar="S", help="look again every S seconds (2)"
    )
    parser.add_argument(
        "--component", action="append", type=_component, metavar="NAME", dest="components",
        help=f"only this, may be repeated: {', '.join(health_text.ALIASES)}",
    )  # fmt: skip
    return parser


def _component(text: str) -> str:
    """The component of this name, the short one or that of the JSON; raises ArgumentTypeError."""
    name = health_text.ALIASES.get(text, text)
    if name not in COMPONENTS:
        raise argparse.ArgumentTypeError(f"no component {text!r}; there are {', '.join(health_text.ALIASES)}")
    return name


def _check(options: argparse.Namespace) -> int:
    settings = load()
    log.set_up("WARNING")
    clock, components = SystemClock(), options.components or COMPONENTS
    if options.watch is not None:
        return _watch(settings, components, clock, options)
    report = look(settings, components, clock)
    if options.json:
        print(json.dumps(report.as_dict(), indent=1))
    else:
        print("\n".join(health_text.lines(report, shutil.get_terminal_size((80, 24)).columns)))
    return report.exit_code


def _watch(settings: Settings, components: Collection[str], clock: Clock, options: argparse.Namespace) -> int:
    """Look again and again until Ctrl-C; the code of the last look."""
    stop, code = Stop().on_signals(), 0
    every_s = max(_SHORTEST_S, options.watch)
    with Screen() as screen:
        while not stop.requested:
            began_s = clock.monotonic()
            report = look(settings, components, clock)
            code = report.exit_code
            if options.json:
                print(json.dumps(report.as_dict()), flush=True)
            else:
                screen.show(health_text.lines(report, screen.width))
            stop.wait(max(0.0, began_s + every_s - clock.monotonic()))
    return code


def look(settings: Settings, components: Collection[str], clock: Clock) -> Report:
    """One look at these components: ask everything at once, judge what came, remember what the next look needs."""
    began_s, wall_s = clock.monotonic(), clock.wall()
    place = last_look_path(settings.runtime_dir)
    memory = read_memory(place)
    before = memory.ticks_before(began_s)
    answers = ask_all(probes(settings, components, before, clock), DEADLINE_S, clock)
    seen = Seen(settings, answers, memory, clock)
    found = sections(seen, components)
    write_memory(place, memory)
    runs = seen.suite["pid"] is not None
    return Report(found, wall_s, clock.monotonic() - began_s, runs)
