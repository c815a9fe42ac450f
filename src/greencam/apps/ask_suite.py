"""start.py --restart, --stop, --only, --hold: ask the running suite, and see that it does."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from greencam.base.clock import Clock, SystemClock
from greencam.base.errors import EXIT_FAILED, EXIT_OK, Refused
from greencam.base.files import read_json
from greencam.base.lock import holder
from greencam.base.place import control_socket
from greencam.settings.load import load
from greencam.supervise.control import ask
from greencam.supervise.supervisor import LOCK_FILE, STATUS_FILE

EXIT_NOT_RUNNING = 3
_PATIENCE_S = 15.0
_LOOK_S = 0.1


@dataclass(frozen=True)
class SuiteFacts:
    """The running suite as seen from outside: its process (None: nothing runs), and its answer, None when it hangs.

    `processes` are those of the answer, else those of the file that it writes at every change.
    """

    pid: int | None
    answer: dict[str, Any] | None
    processes: list[dict[str, Any]]


def suite_facts(runtime: Path, timeout_s: float = 3.0) -> SuiteFacts:
    """Look at the suite of this folder; never raises."""
    pid = holder(runtime / LOCK_FILE)
    if pid is None:
        return SuiteFacts(None, None, [])
    table = read_json(runtime / STATUS_FILE)
    answer = ask(control_socket(runtime), {"do": "status"}, timeout_s)
    written = table.get("children", []) if isinstance(table, dict) else []
    return SuiteFacts(pid, answer, (answer or {}).get("processes") or written)


def request(deed: str, names: list[str], *, as_json: bool = False) -> int:
    """Ask, then wait until it is so; exit 0 when it is, 1 when not within 15 s, 2 refused, 3 nothing runs."""
    runtime = load().runtime_dir
    answer = ask(control_socket(runtime), {"do": deed, "names": names})
    if answer is None:
        if holder(runtime / LOCK_FILE) is None:
            print("greencam does not run; start it with ./run.sh", file=sys.stderr)
            return EXIT_NOT_RUNNING
        raise Refused("the running suite does not answer; see its log")
    if not as_json:
        print(answer["text"], flush=True)
    wanted, unwanted = _wanted(deed, answer)
    late = _await(control_socket(runtime), wanted, unwanted, SystemClock())
    if as_json:
        print(json.dumps({"text": answer["text"], "late": late}))
    elif late:
        print(f"not yet after {_PATIENCE_S:g} s: {', '.join(late)}; see start.py --status", file=sys.stderr)
    else:
        print("done")
    return EXIT_FAILED if late else EXIT_OK


def _wanted(deed: str, answer: dict[str, Any]) -> tuple[set[str], set[str]]:
    """Names of processes that are to run afterwards, and of those that are not to."""
    names = set(answer["names"])
    if deed == "restart":
        return names, set()
    if deed == "only":
        others = {one["name"] for one in answer["processes"] if one["state"] in {"stopping", "stopped"}}
        return names, others - names
    return set(), names if deed == "stop" else set()


def _await(path: Path, wanted: set[str], unwanted: set[str], clock: Clock) -> list[str]:
    """Wait at most 15 s; the names of those that are not as asked for then."""
    end_s = clock.monotonic() + _PATIENCE_S
    while True:
        told = (ask(path, {"do": "status"}) or {}).get("processes", [])
        late = [
            one["name"]
            for one in told
            if (one["name"] in wanted and one["state"] != "running")
            or (one["name"] in unwanted and one["pid"] is not None)
        ]
        if (told and not late) or clock.monotonic() >= end_s:
            return late
        clock.sleep(_LOOK_S)
