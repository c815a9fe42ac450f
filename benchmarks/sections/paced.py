"""100 frames per second to 1, 2, 4, 8 consumers on the same host: loss, latency, processor time."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from benchmarks.jobs import Job
from benchmarks.measure import percentile, ratios, spread
from benchmarks.peers import PEERS
from benchmarks.plan import Plan
from benchmarks.stage import Stage
from benchmarks.targets import Target, at_most, figure

_NAMES = ("floor", "ring", "iceoryx2", "iceoryx2-kept", "feed")
_SLOTS = 18  # what the capture process takes at this size and rate within its 48 MiB
FPS = 100.0
_FLAT = 1.5  # the producer's processor time with most consumers over that with one
Rows = dict[tuple[str, int], list[dict[str, Any]]]


def measure(plan: Plan) -> dict[str, Any]:
    """Every peer with every number of consumers, neighbours one after the other, round after round."""
    names = [name for name in _NAMES if name in plan.peers and PEERS[name].installed]
    rows: Rows = defaultdict(list)
    for turn in range(plan.paced_repetitions):
        for consumers in plan.consumers:
            for name in names:
                row = _serve(name, consumers, plan)
                rows[name, consumers].append(row)
                plan.say(
                    f"paced {turn + 1}/{plan.paced_repetitions}: {name}, {consumers} consumers: "
                    f"p50 {row['p50_ms']:.2f} ms, p99 {row['p99_ms']:.2f} ms, "
                    f"{row['cpu_ms']:.3f} ms CPU, {row['lost']} lost"
                )
    return {
        "rounds": plan.paced_repetitions,
        "fps": FPS,
        "figures": [_figures(name, consumers, found) for (name, consumers), found in rows.items()],
        "targets": [t.as_dict() for t in _targets(rows, plan.consumers)],
        "raw": [{"peer": name, "consumers": n, "rows": found} for (name, n), found in rows.items()],
    }


def _serve(name: str, consumers: int, plan: Plan) -> dict[str, Any]:
    with Stage(slots=_SLOTS) as stage:
        sender = Job("send", name, stage.place, FPS)
        receivers = [Job("receive", name, stage.place, latencies=True)] * consumers
        sent, *got = stage.run([sender, *receivers], plan.paced_s)
    latencies = [value for one in got for value in one["latencies_ms"]]
    return {
        "p50_ms": percentile(latencies, 50),
        "p99_ms": percentile(latencies, 99),
        "max_ms": max(latencies, default=0.0),
        "cpu_ms": sum(one["cpu_ms"] for one in got) / consumers,
        "sent_cpu_ms": sent["cpu_ms"],
        "frames": sum(one["frames"] for one in got),
        # every consumer was there before the first frame: what it has not seen at the end is lost
        "lost": sum(one["lost"] + sent["sent"] - one["last"] for one in got),
        "torn": sum(one["torn"] for one in got),
    }


def _figures(name: str, consumers: int, rows: list[dict[str, Any]]) -> dict[str, Any]:
    keys = ("p50_ms", "p99_ms", "cpu_ms", "sent_cpu_ms")
    return {
        "peer": name,
        "label": PEERS[name].label,
        "consumers": consumers,
        "lost": sum(row["lost"] + row["torn"] for row in rows),
        "frames": sum(row["frames"] for row in rows),
        **{key: spread([row[key] for row in rows]).as_dict() for key in keys},
    }


def _targets(rows: Rows, consumers: tuple[int, ...]) -> list[Target]:
    found = [_lossless(name, rows) for name in ("ring", "feed") if any(peer == name for peer, _ in rows)]
    for count in consumers:
        if ("ring", count) in rows and ("iceoryx2", count) in rows:
            found += _against("iceoryx2", count, rows)
        if ("ring", count) in rows and ("iceoryx2-kept", count) in rows:
            found += _against("iceoryx2-kept", count, rows)
    first, last = min(consumers), max(consumers)
    if first != last and ("ring", last) in rows:
        flat = ratios(_column(rows["ring", last], "sent_cpu_ms"), _column(rows["ring", first], "sent_cpu_ms"))
        found.append(at_most(f"Producer's CPU with {last} consumers over that with {first}", _FLAT, flat))
    return found


def _lossless(name: str, rows: Rows) -> Target:
    mine = [row for (peer, _), many in rows.items() if peer == name for row in many]
    lost, frames = sum(row["lost"] + row["torn"] for row in mine), sum(row["frames"] for row in mine)
    what = f"Frames lost by {PEERS[name].label} at {FPS:g} fps, all consumers"
    return Target(what, "none", f"{lost} of {frames}", lost == 0 and frames > 0)


_WORDS = {"p50_ms": "p50 latency", "p99_ms": "p99 latency", "cpu_ms": "CPU per consumer and frame"}
# The promise is measured against iceoryx2 at its best; the other way tells what is left when both let go alike.
_OTHERS = {
    "iceoryx2": ("iceoryx2's", tuple(_WORDS)),
    "iceoryx2-kept": ("iceoryx2's with kept samples", ("p50_ms",)),
}


def _against(peer: str, count: int, rows: Rows) -> list[Target]:
    whose, keys = _OTHERS[peer]
    ours, theirs = rows["ring", count], rows[peer, count]
    found = []
    for key in keys:
        mine, other = spread(_column(ours, key)).median, spread(_column(theirs, key)).median
        text = f"Ring's {_WORDS[key]} over {whose}, {count} consumer{'s' if count > 1 else ''}"
        target = at_most(text, 1.0, ratios(_column(ours, key), _column(theirs, key)))
        detail = f"{target.measured}; {figure(mine)} against {figure(other)} ms"
        found.append(Target(target.what, target.wanted, detail, target.met))
    return found


def _column(rows: list[dict[str, Any]], key: str) -> list[float]:
    return [row[key] for row in rows]
