"""The section `camera recovery` of docs/reliability.md, made from the figures and from nothing else."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.campaign import Found, head, judged
from benchmarks.measure import fit, percentile
from benchmarks.report import table
from benchmarks.targets import Target
from greencam.upkeep.drill_kinds import KINDS

_PLOT = "recovery.png"
_STEADY_KIB = 4.0
_HANGS = ("hang", "hang-c", "stop")  # faults that only the absence of frames tells
_HOW = (
    "Written by `.venv/bin/python benchmarks/reliability.py`. Times are seen from outside: frames as a consumer\n"
    "gets them from shared memory, everything else as the capture process tells it to everybody.\n"
)


def targets(found: Found) -> list[Target]:
    """What issue and guide promise, held against the worst that was measured."""
    return judged(found, _TARGETS)


def _at_most(what: str, bound: float, values: list[float | None], unit: str = "s") -> Target:
    """Kept when every single value was measured and keeps the bound."""
    known = [value for value in values if value is not None]
    whole = len(known) == len(values) and bool(known)
    text = (
        f"{max(known):.2f} {unit} at most, median {percentile(known, 50):.2f}, of {len(values)}" if known else "–"
    )
    return Target(what, f"≤ {bound:g} {unit}", text, whole and max(known) <= bound)


def _drill_targets(rows: list[dict[str, Any]]) -> list[Target]:
    hung = [row for row in rows if row["kind"] in _HANGS]
    passed = sum(row["passed"] for row in rows)
    made = [Target("Drills that met every goal", "all", f"{passed} of {len(rows)}", passed == len(rows))]
    if hung:
        made += [
            _at_most("Hang noticed after the deadline for a frame", 0.5, [row["late_s"] for row in hung]),
            _at_most(
                "First good frame after the hang was noticed", 5, [r["frame_after_detection_s"] for r in hung]
            ),
            _at_most("First good frame after the worker was gone", 2, [row["frame_after_gone_s"] for row in hung]),
        ]
    return made


def _kill_targets(figures: dict[str, Any]) -> list[Target]:
    return [_at_most("No frames after SIGKILL of the worker", 2, figures["dark_s"])]


def _unkillable_targets(figures: dict[str, Any]) -> list[Target]:
    lost, frames = figures["neighbour_lost"], figures["neighbour_frames"]
    return [
        _at_most("Worker in state D named, after its hang was noticed", 5, [figures["declared_s"]]),
        Target("Frames lost by another camera meanwhile", "0", f"{lost} of {frames}", lost == 0 and frames > 0),
        _at_most("Stopping a capture whose worker can't be killed", 8, [figures["stop_s"]]),
    ]


def _return_targets(figures: dict[str, Any]) -> list[Target]:
    back, tried = figures["returned"], len(figures["took_s"])
    return [Target("Network camera watched again after it returned", f"{tried}", f"{back}", back == tried)]


def _hang_targets(figures: dict[str, Any]) -> list[Target]:
    rows, warm = figures["rows"], figures["rows"][len(figures["rows"]) // 3]
    last = rows[-1]
    same = {key: (warm[key], last[key]) for key in ("descriptors", "shared_files", "shared_bytes", "zombies")}
    told = ", ".join(f"{key.replace('_', ' ')} {a} → {b}" for key, (a, b) in same.items())
    steady = all(a == b for a, b in same.values()) and last["zombies"] == 0
    late = rows[2 * len(rows) // 3 :]  # what is kept of attempts, 50 of each kind, is full by then
    slope_kib = fit([row["number"] for row in late], [row["own_kib"] for row in late]).slope
    growth = (
        f"{slope_kib:.1f} KiB a hang, {rows[0]['own_kib']} KiB after the first, {last['own_kib']} after the last"
    )
    done, tried = figures["recovered"], len(rows)
    return [
        Target("Hangs in a row that were recovered within the goals", f"{tried}", f"{done}", done == tried),
        Target("Descriptors, shared memory, zombies after them", "unchanged", told, steady),
        Target(
            "Memory of the capture process, slope over the last third",
            f"≤ {_STEADY_KIB:g} KiB a hang",
            growth,
            slope_kib <= _STEADY_KIB,
        ),
    ]


_TARGETS: dict[str, Callable[[Any], list[Target]]] = {
    "drills": _drill_targets,
    "kills": _kill_targets,
    "unkillable": _unkillable_targets,
    "returns": _return_targets,
    "hangs": _hang_targets,
}


def text(found: Found, folder: Path) -> str:
    """The whole section as Markdown; the plot goes into `folder`."""
    parts = head("Camera recovery", _HOW, found, targets(found))
    if "drills" in found:
        parts.append(_drills(found["drills"]))
        parts += [f"![Drills](benchmarks/{_PLOT})\n"] if draw(found, folder) else []
    if "unkillable" in found and found["unkillable"]["figures"] is None:
        parts.append("The worker in state D was not measured: that needs root and /dev/fuse.\n")
    return "\n".join(parts)


def _drills(section: dict[str, Any]) -> str:
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in section["figures"]:
        rows.setdefault(row["kind"], []).append(row)
    cells = []
    for name, many in rows.items():
        cured = sorted({row["cured_by"] for row in many if row["cured_by"]})
        cells.append(
            (
                f"`{name}`",
                KINDS[name].what,
                _worst(many, "detected_s"),
                _worst(many, "frame_after_detection_s"),
                ", ".join(cured) or "–",
                f"{sum(row['passed'] for row in many)} of {len(many)}",
            )
        )
    plan = section["plan"]
    head = (
        f"Each drill {plan['rounds']} times, {plan['frame_s']:g} s allowed for a frame; median and, in brackets, "
        "largest value in seconds. `noticed`: from the last good frame, or from the order where frames go on. "
        "`frames again`: from there, or from the moment the fault was lifted.\n"
    )
    return head + "\n" + table(("drill", "fault", "noticed", "frames again", "cured by", "passed"), cells)


def _worst(rows: list[dict[str, Any]], key: str) -> str:
    values = [row[key] for row in rows if row[key] is not None]
    return f"{percentile(values, 50):.2f} ({max(values):.2f})" if values else "–"


def draw(found: Found, folder: Path) -> bool:
    """One bar per drill: until it was noticed, and until frames came again; whether it was drawn."""
    if "drills" not in found or find_spec("matplotlib") is None:
        return False
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    kinds = dict.fromkeys(row["kind"] for row in found["drills"]["figures"])
    noticed, again = [], []
    for kind in kinds:
        rows = [row for row in found["drills"]["figures"] if row["kind"] == kind]
        noticed.append(percentile([row["detected_s"] or 0.0 for row in rows], 50))
        again.append(percentile([row["frame_after_detection_s"] or 0.0 for row in rows], 50))
    figure, axes = pyplot.subplots(figsize=(8, 0.32 * len(kinds) + 1))
    names = list(kinds)
    axes.barh(names, noticed, color="#bbbbbb", label="until it was noticed")
    axes.barh(names, again, left=noticed, color="#1b7837", label="until frames came again")
    axes.invert_yaxis()
    axes.set_xlabel("seconds, medians")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower right")
    figure.savefig(folder / _PLOT, dpi=110, bbox_inches="tight", metadata={"Software": None})
    pyplot.close(figure)
    return True
