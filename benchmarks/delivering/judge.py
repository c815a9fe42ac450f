"""What became of the frames, from nothing but the stored images: their names and the counters in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from greencam.base.errors import CorruptFrame
from greencam.bus.chain import FrameId
from greencam.client.image_store import frame_of
from greencam.client.retention import images_in
from greencam.frame import counter, jpeg


def judge(folder: Path, accepted_through: Iterable[FrameId]) -> dict[str, Any]:
    """Counts of `stored`, `lost`, `duplicate`, `corrupt` and `missing` (IDs of what is lost).

    Every frame of the simulated camera is accepted, so each epoch's numbers run from 1 to the last one accepted,
    which `accepted_through` names for each epoch, and the counter in a picture is its number.
    """
    frames: Counter[FrameId] = Counter()
    corrupt = 0
    for path in images_in(folder):
        frame = frame_of(path)
        if frame is None:
            continue
        frames[frame] += 1
        try:
            corrupt += counter.read(jpeg.decode(path.read_bytes())) != frame[1]
        except CorruptFrame:
            corrupt += 1
    last = {epoch: max(seq for of, seq in frames if of == epoch) for epoch, _ in frames}
    for epoch, seq in accepted_through:
        last[epoch] = max(seq, last.get(epoch, 0))
    expected = {(epoch, seq) for epoch, highest in last.items() for seq in range(1, highest + 1)}
    missing = sorted(expected - set(frames))
    return {
        "sent": len(expected),
        "stored": len(frames),
        "lost": len(missing),
        "duplicate": sum(count - 1 for count in frames.values()),
        "corrupt": corrupt,
        "missing": ["-".join(map(str, frame)) for frame in missing],
    }


def stored_over_time(folder: Path, began_wall_s: float) -> list[float]:
    """When each image was written, in seconds since the beginning, in order."""
    return sorted(path.stat().st_mtime - began_wall_s for path in images_in(folder))
