"""The plots of docs/benchmarks/: one claim each, medians with their smallest and largest value."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

_COLOURS = {"ring": "#1b7837", "feed": "#7fbf7b", "iceoryx2": "#762a83"}
_GREY = "#999999"
Sections = dict[str, Any]


def draw(sections: Sections, folder: Path) -> list[str]:
    """Draw what there are figures for; names of the files. None without matplotlib."""
    if find_spec("matplotlib") is None:
        return []
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams.update({"axes.spines.top": False, "axes.spines.right": False, "font.size": 10})
    makers = {
        "unpaced": (_rates, "unpaced.png"),
        "paced": (_consumers, "paced.png"),
        "cameras": (_cameras, "cameras.png"),
        "soak": (_soak, "soak.png"),
    }
    drawn = []
    for name, (make, file) in makers.items():
        if name in sections:
            figure = make(sections[name])
            figure.savefig(folder / file, dpi=110, bbox_inches="tight", metadata={"Software": None})
            _plt().close(figure)
            drawn.append(file)
    return drawn


def _plt() -> Any:
    from matplotlib import pyplot

    return pyplot


def _errors(spreads: list[dict[str, Any]]) -> list[list[float]]:
    return [[s["median"] - s["low"] for s in spreads], [s["high"] - s["median"] for s in spreads]]


def _rates(section: dict[str, Any]) -> Any:
    rows = [(key, row) for key, row in section["figures"].items() if key not in {"encode", "decode"}]
    rows.sort(key=lambda row: row[1]["fps"]["median"])
    spreads = [row["fps"] for _, row in rows]
    figure, axes = _plt().subplots(figsize=(8, 0.45 * len(rows) + 1))
    colours = [_COLOURS.get(key, _GREY) for key, _ in rows]
    labels = [row["label"] for _, row in rows]
    medians = [s["median"] for s in spreads]
    bars = axes.barh(labels, medians, xerr=_errors(spreads), color=colours, ecolor="#444444")
    axes.bar_label(bars, [f"{value:,.0f}" for value in medians], padding=6)
    axes.set_xscale("log")
    axes.set_xlim(left=10, right=max(s["high"] for s in spreads) * 2.5)
    axes.set_xlabel("frames per second, 1280×720×3 raw, one consumer (log scale)")
    return figure


def _consumers(section: dict[str, Any]) -> Any:
    figure, panels = _plt().subplots(1, 4, figsize=(15, 3.4))
    titles = {
        "p50_ms": "latency p50, ms",
        "p99_ms": "latency p99, ms",
        "cpu_ms": "CPU per consumer and frame, ms",
        "sent_cpu_ms": "CPU of the producer per frame, ms",
    }
    for axes, (key, title) in zip(panels, titles.items(), strict=True):
        for peer in dict.fromkeys(row["peer"] for row in section["figures"]):
            rows = [row for row in section["figures"] if row["peer"] == peer]
            spreads = [row[key] for row in rows]
            counts, medians = [row["consumers"] for row in rows], [s["median"] for s in spreads]
            style = {"color": _COLOURS.get(peer, _GREY), "marker": "o", "capsize": 3, "label": rows[0]["label"]}
            axes.errorbar(counts, medians, yerr=_errors(spreads), **style)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("consumers")
        axes.set_ylim(bottom=0)
    panels[0].legend(frameon=False, fontsize=8)
    return figure


def _cameras(section: dict[str, Any]) -> Any:
    figure, panels = _plt().subplots(1, 2, figsize=(9, 3.4))
    counts = [row["cameras"] for row in section["figures"]]
    for axes, key, unit in zip(panels, ("cpu_percent", "pss_mib"), ("% of one core", "MiB (PSS)"), strict=True):
        line = section["lines"][key]
        totals = [row["cameras"] * row[key]["median"] for row in section["figures"]]
        axes.plot(counts, [line["offset"] + line["slope"] * n for n in counts], color=_GREY, linewidth=1)
        axes.plot(counts, totals, "o", color=_COLOURS["ring"])
        axes.set_title(f"all cameras together, {unit}", fontsize=10)
        axes.set_xlabel("cameras, 640×480 at 30 fps")
        axes.set_ylim(bottom=0)
    return figure


def _soak(section: dict[str, Any]) -> Any:
    figure, axes = _plt().subplots(figsize=(8, 3.4))
    minutes = [row["minute"] for row in section["samples"]]
    for key, label in (("pss", "PSS, ring included"), ("own", "resident without the ring")):
        axes.plot(minutes, [row[key] / 1024 for row in section["samples"]], label=label, linewidth=1)
    axes.axvline(section["warm_minutes"], color=_GREY, linewidth=1, linestyle=":")
    axes.set_xlabel("minutes")
    axes.set_ylabel("MiB, capture and worker")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    return figure
