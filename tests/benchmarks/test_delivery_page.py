"""The generated sections stay apart, and the judge finds what is wrong."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from benchmarks.delivering import page
from benchmarks.delivering.judge import judge

from benchmarks import marked
from greencam.frame import counter, jpeg
from greencam.frame.formats import PixelFormat
from tests.making import picture


def test_each_command_replaces_its_own_section_only(tmp_path: Path) -> None:
    path = tmp_path / "docs" / "reliability.md"
    marked.put(path, "recovery", "first \\1 of recovery")
    marked.put(path, "delivery", "first of delivery")
    marked.put(path, "recovery", "second of recovery")
    text = path.read_text()
    assert "first of delivery" in text
    assert "second of recovery" in text
    assert "first \\1" not in text
    assert text.startswith("# Reliability")
    assert text.index("recovery") < text.index("delivery")


def stored(folder: Path, seq: int, number: int, clock: int = 0) -> None:
    pixels = picture(100).pixels.repeat(10, 0).repeat(10, 1).copy()
    counter.stamp(pixels, number)
    path = folder / "2026-01-01" / f"cam1_20260101_0000{clock:02}_000_1-{seq}.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(jpeg.encode(pixels, PixelFormat.BGR24))


def test_the_judge_finds_lost_double_and_wrong_pictures(tmp_path: Path) -> None:
    folder = tmp_path / "cam1"
    for seq, number, clock in ((1, 1, 0), (2, 2, 0), (2, 2, 1), (4, 5, 0)):
        stored(folder, seq, number, clock)
    found = judge(folder, [(1, 6)])
    counts = {name: found[name] for name in ("sent", "stored", "lost", "duplicate", "corrupt")}
    assert counts == {"sent": 6, "stored": 3, "lost": 3, "duplicate": 1, "corrupt": 1}
    assert found["missing"] == ["1-3", "1-5", "1-6"]


def test_a_plot_is_a_picture() -> None:
    samples = [
        {"s": float(s), "epoch": 1.0 + s // 5, "seq": 30.0 * (s % 5), "spool_bytes": 1000.0 * s} for s in range(10)
    ]
    done = [{"name": "Redis killed", "at_s": 3.0}]
    facts = {
        "samples": samples,
        "seconds": 10.0,
        "stored": 240,
        "stored_s": [float(s) for s in range(10)],
        "done": done,
    }
    root = ElementTree.fromstring(page.plot(facts))  # noqa: S314 - made a line above
    assert len(root.findall("{http://www.w3.org/2000/svg}polyline")) == 3
    assert "Redis killed" in page.plot(facts)


@pytest.mark.parametrize("lost", [0, 3])
def test_a_target_that_is_missed_says_so(lost: int) -> None:
    run = {"sent": 100, "stored": 100 - lost, "lost": lost, "duplicate": 0, "corrupt": 0}
    found = {
        "faults": run | {"done": [{"fps": 30.0, "resumed_s": 0.2, "redis_down": True}], "put_p99_ms": 0.2},
        "outage": run | {"fps": 30.0, "resumed_s": 0.1, "drained_s": 1.0, "put_p99_ms": 0.1, "seconds": 20.0}
        | {"waiting": 600, "spool_bytes": 1 << 20},
        "kills": run | {"fps": 30.0, "kills": 20, "seconds": 60.0},
        "overflow": run | {"lost": 40, "told": 40, "gaps": [{}], "exact": True},
    }  # fmt: skip
    rows = page.targets(found)
    assert [row[0] for row in rows if not row[3]] == (["frames lost", "20 × kill -9 in 60 s"] if lost else [])
