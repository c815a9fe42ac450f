"""docs/benchmarks.md, made from results.json and from nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from benchmarks.targets import figure

_HEAD = """# Benchmarks

Written by `.venv/bin/python benchmarks/transport.py` and `.venv/bin/python benchmarks/soak.py`; do not edit.
Peers come with `requirements-bench.txt`. Figures are medians of repetitions that ran in turn (A B C A B C …), with
the smallest and the largest in brackets; ratios are taken between neighbours of the same round. A frame counts when
its consumer has it and has checked its number at both ends of the picture. Raw numbers: `benchmarks/results.json`.
"""


def page(sections: dict[str, Any], drawn: list[str]) -> str:
    """The whole page as Markdown; `drawn` names the plots that exist."""
    parts = [_HEAD, _machine(sections), _targets(sections)]
    for name, (title, make) in _MAKERS.items():
        if name in sections:
            section = sections[name]
            parts.append(f"## {title}\n\n{_when(section)}\n\n{make(section)}")
            parts += [f"![{title}](benchmarks/{name}.png)\n"] if f"{name}.png" in drawn else []
    return "\n".join(parts)


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    names = list(heads)
    lines = [names, ["---"] * len(names), *(list(row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def spread(found: dict[str, Any], unit: str = "") -> str:
    """Median, smallest and largest as one cell."""
    space = f" {unit}" if unit else ""
    text = f"{figure(found['median'])}{space}"
    return text if found["count"] == 1 else f"{text} ({figure(found['low'])}–{figure(found['high'])})"


def _machine(sections: dict[str, Any]) -> str:
    newest = max((section["run"] for section in sections.values()), key=lambda run: run["machine"]["date"])
    facts = newest["machine"]
    libraries = ", ".join(f"{name} {version}" for name, version in facts["libraries"].items())
    return "## Machine\n\n" + table(
        ("", ""),
        (
            ("CPU", f"{facts['cpu']}, {facts['cores']} cores"),
            ("memory", f"{facts['memory_mib']} MiB"),
            ("kernel", facts["kernel"]),
            ("Python", facts["python"]),
            ("server", facts["redis_server"]),
            ("libraries", libraries),
            ("commit", facts["commit"]),
        ),
    )


def _when(section: dict[str, Any]) -> str:
    run = section["run"]
    facts = run["machine"]
    kind = "**Quick run: these figures only show that the program works.** " if run["quick"] else ""
    return f"{kind}{facts['date']}, load before {facts['load_before']}, rounds: {section['rounds']}."


def _targets(sections: dict[str, Any]) -> str:
    rows = [target for name in _MAKERS if name in sections for target in sections[name]["targets"]]
    cells = ((t["what"], t["wanted"], t["measured"], "met" if t["met"] else "**missed**") for t in rows)
    missed = sum(not target["met"] for target in rows)
    words = f"{len(rows) - missed} of {len(rows)} met." if rows else "None measured."
    return f"## Targets\n\n{words}\n\n" + table(("target", "wanted", "measured", ""), cells)


def _fastest_last(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Limits first, then every peer, the slowest first in either part."""
    return sorted(rows, key=lambda row: ("lost_percent" in row, row["fps"]["median"]))


def _unpaced(section: dict[str, Any]) -> str:
    rows = []
    for row in _fastest_last(section["figures"].values()):
        carried = "lost_percent" in row
        rows.append(
            (
                row["label"],
                spread(row["fps"]),
                f"{1000 / row['fps']['median']:.3f}" if row["fps"]["median"] else "–",
                spread(row["of_copy"]),
                spread(row["sent_fps"]) if carried else "–",
                spread(row["lost_percent"]) if carried else "–",
                str(row["torn"]) if carried else "–",
                spread(row["cpu_ms"]) if carried else "–",
            )
        )
    heads = (
        "way", "delivered and checked, 1/s", "ms each", "of copies into the ring", "sent, 1/s", "lost, %", "torn",
        "consumer CPU, ms",
    )  # fmt: skip
    skipped = f"\nNot installed, so not measured: {', '.join(section['skipped'])}.\n" if section["skipped"] else ""
    return (
        "1280×720×3 raw, one producer, one consumer, as fast as it goes. The first four rows are what the "
        "machine allows. `lost`: holes in the numbers up to the last frame received; a ring has no "
        "back-pressure, iceoryx2, imagezmq and NetGear are set to wait. `torn`: overwritten while looked at, "
        "noticed and thrown away.\n\n" + table(heads, rows) + skipped
    )


def _paced(section: dict[str, Any]) -> str:
    heads = ("way", "consumers", "lost", "p50, ms", "p99, ms", "CPU per consumer and frame, ms", "producer CPU, ms")
    rows = (
        (
            row["label"],
            str(row["consumers"]),
            f"{row['lost']} of {row['frames']}",
            *(spread(row[key]) for key in ("p50_ms", "p99_ms", "cpu_ms", "sent_cpu_ms")),
        )
        for row in sorted(section["figures"], key=lambda row: row["consumers"])
    )
    return (
        f"1280×720×3 raw at {section['fps']:g} fps. Latency from before the producer's copy until the consumer has "
        "the picture, CLOCK_MONOTONIC. All consumers block: greencam's on the futex, iceoryx2's in "
        "`Listener.timed_wait`, the blocking wait of its event service. The latency holds the copy, its largest "
        "part: iceoryx2's consumers give a sample back before they wait, so that one chunk is filled again and "
        "again and may still be in the cache; where they keep it until the next one, and in a ring, which leaves "
        "frames where they are, the copy goes to memory that was written longer ago. `floor` is a "
        "reader that waits, looks at the cursor and hands out a view made before, without any check: what "
        "no reader in this Python can go below (docs/decisions/0007).\n\n" + table(heads, rows)
    )


def _jpeg(section: dict[str, Any]) -> str:
    found = section["figures"]
    rows = [
        ("delivered, decoded and checked, 1/s", spread(found["fps"])),
        ("encoded meanwhile, 1/s", spread(found["encoded_fps"])),
        ("captured meanwhile, 1/s", spread(found["captured_fps"])),
        ("capture to decoded picture: p50, ms", spread(found["p50_ms"])),
        ("capture to decoded picture: p99, ms", spread(found["p99_ms"])),
        ("reader's CPU per frame, ms", spread(found["cpu_ms"])),
        ("pictures that were not the frame their header names", str(found["torn"])),
    ]
    if "pickled_fps" in found:
        rows.append(("pickled pub/sub in the same rounds, 1/s", spread(found["pickled_fps"])))
    return (
        "The real capture process with an unpaced simulated camera of 1280×720, the embedded server, one "
        "`Feed(transport='redis')` that decodes every frame.\n\n" + table(("", ""), rows)
    )


def _encodes(section: dict[str, Any]) -> str:
    heads = ("readers", "frames captured", "encodes", "encodes per frame", "frames per reader", "lost", "torn")
    rows = (
        (
            str(row["readers"]),
            str(row["captured"]),
            str(row["encoded"]),
            f"{row['per_frame']:.3f}",
            figure(row["delivered_per_reader"]) if row["readers"] else "–",
            str(row["lost"]),
            str(row["torn"]),
        )
        for row in section["figures"]
    )
    return (
        f"A 1280×720 camera at {section['fps']:g} fps; captured and encoded frames are the capture process's own "
        "counts between two of its beats, while the readers read (they read for a while longer); of some rounds "
        "the one in the middle. No durable consumer: without a reader nobody wants a frame.\n\n"
        + table(heads, rows)
    )


def _cameras(section: dict[str, Any]) -> str:
    heads = (
        "cameras",
        "CPU each, % of one core",
        "PSS each, MiB",
        "RSS each, MiB",
        "without ring, MiB",
        "fps each",
    )
    keys = ("cpu_percent", "pss_mib", "rss_mib", "own_mib", "fps")
    rows = ((str(row["cameras"]), *(spread(row[key]) for key in keys)) for row in section["figures"])
    return (
        f"Simulated cameras of 640×480 at {section['fps']:g} fps, capture process and worker of each counted "
        "together, no reader. RSS counts shared pages, such as the ring's, once per process.\n\n"
        + table(heads, rows)
    )


def _soak(section: dict[str, Any]) -> str:
    heads = (
        "", "at the end of the warm-up, MiB", "at the end, MiB", "slope, KiB/min", "of the second half, KiB/min",
        "scatter, KiB",
    )  # fmt: skip
    rows = (
        (
            row["label"],
            figure(row["first_kib"] / 1024),
            figure(row["last_kib"] / 1024),
            f"{row['slope']:.1f}",
            f"{row['late_slope']:.1f}",
            figure(row["scatter_kib"]),
        )
        for row in section["figures"].values()
    )
    return (
        f"Capture process and worker, {section['size']} at {section['fps']:g} fps, one reader over Redis so that "
        f"every frame is encoded, {section['minutes']:g} minutes, a sample a second; slope by least squares after "
        f"{section['warm_minutes']:g} minutes. It rises at first, mostly by the interpreter's free lists of "
        "tuples, which end at 2000 of each size (docs/decisions/0013).\n\n" + table(heads, rows)
    )


_MAKERS: dict[str, tuple[str, Callable[[dict[str, Any]], str]]] = {
    "unpaced": ("One consumer, unpaced", _unpaced),
    "paced": ("100 frames per second, several consumers", _paced),
    "jpeg": ("JPEG over the Redis Stream", _jpeg),
    "encodes": ("Encodes per frame", _encodes),
    "cameras": ("Several cameras", _cameras),
    "soak": ("Steady memory", _soak),
}
