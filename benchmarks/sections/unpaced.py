"""1280×720×3 raw, one consumer on the same host, as fast as it goes, next to what the machine allows."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from benchmarks.jobs import Job
from benchmarks.measure import ratios, spread
from benchmarks.peers import PEERS
from benchmarks.plan import Plan
from benchmarks.stage import Stage
from benchmarks.targets import Target, at_least

LIMITS = {
    "hot": "one copy into a hot buffer",
    "encode": "JPEG encodes, one thread",
    "decode": "JPEG decodes, one thread",
    "copy": "copies into the ring's slots, nothing else",  # last, so that it runs next to the ring
}
_OVER_REDIS = {"raw", "pickled"}
_SLOTS = 8  # what the capture process takes for an unpaced camera of this size
Rows = dict[str, list[dict[str, Any]]]


def measure(plan: Plan) -> dict[str, Any]:
    """Every peer and every limit once per round, round after round."""
    asked = [peer for name, peer in PEERS.items() if name in plan.peers and not peer.reference]
    names = [peer.name for peer in asked if peer.installed]
    rows: Rows = defaultdict(list)
    for turn in range(plan.repetitions):
        for name in (*LIMITS, *names):
            row = _limit(name, plan) if name in LIMITS else carry(name, plan)
            rows[name].append(row)
            plan.say(f"unpaced {turn + 1}/{plan.repetitions}: {name} {row['fps']:.0f} fps")
    labels = {**LIMITS, **{name: PEERS[name].label for name in names}}
    copies = [row["fps"] for row in rows["copy"]]
    figures = {name: _figures(labels[name], rows[name], copies) for name in rows}
    skipped = [peer.label for peer in asked if not peer.installed]
    return {
        "rounds": plan.repetitions,
        "figures": figures,
        "targets": [t.as_dict() for t in _targets(rows)],
        "skipped": skipped,
        "raw": dict(rows),
    }


def _limit(name: str, plan: Plan) -> dict[str, Any]:
    with Stage(slots=_SLOTS) as stage:
        return stage.run([Job(name, "", stage.place)], plan.unpaced_s)[0]


def carry(name: str, plan: Plan) -> dict[str, Any]:
    """One producer and one consumer over one peer; the consumer's figures and what was sent."""
    with Stage(slots=_SLOTS) as stage:
        if name in _OVER_REDIS:
            stage.start_redis(unbounded=True)
        jobs = [Job("send", name, stage.place), Job("receive", name, stage.place)]
        sent, got = stage.run(jobs, plan.unpaced_s)
    return {**got, "sent_fps": sent["fps"], "sent_cpu_ms": sent["cpu_ms"]}


def _figures(label: str, rows: list[dict[str, Any]], copies: list[float]) -> dict[str, Any]:
    rates = [row["fps"] for row in rows]
    facts: dict[str, Any] = {
        "label": label,
        "fps": spread(rates).as_dict(),
        "of_copy": ratios(rates, copies).as_dict(),
    }
    if "lost" in rows[0]:
        facts["sent_fps"] = spread([row["sent_fps"] for row in rows]).as_dict()
        facts["cpu_ms"] = spread([row["cpu_ms"] for row in rows]).as_dict()
        facts["lost_percent"] = spread([100 * row["lost"] / max(1, row["last"]) for row in rows]).as_dict()
        facts["torn"] = sum(row["torn"] for row in rows)
    return facts


def _targets(rows: Rows) -> list[Target]:
    rates = {name: [row["fps"] for row in found] for name, found in rows.items()}
    if "ring" not in rates:
        return []
    bounds = {
        "copy": ("Ring: frames delivered and checked, over plain copies into the same slots", 0.85),
        "imagezmq": ("Ring over imagezmq by unix socket, frames per second", 4.0),
        "imagezmq-tcp": ("Ring over imagezmq by TCP, its examples' way, frames per second", 4.0),
        "pickled": ("Ring over pickled pub/sub, frames per second", 70.0),
    }
    return [
        at_least(what, bound, ratios(rates["ring"], rates[other]))
        for other, (what, bound) in bounds.items()
        if other in rates
    ]
