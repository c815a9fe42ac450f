"""Whether stored images are whole: each frame once, none missing, each picture the one that its name says.

Read from the files themselves: their names, their pictures and, for the simulated camera, the counters in the
pictures; the index tells what should be there besides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from greencam.base.errors import CorruptFrame
from greencam.bus.chain import FrameId, parse_id
from greencam.client.image_index import FILE_NAME, IndexContent, Note, Row, read_index
from greencam.client.image_store import frame_of
from greencam.client.retention import images_in
from greencam.frame import counter, jpeg


class Picture(NamedTuple):
    """A stored image: its frame, and the number in the picture (None where there is none)."""

    frame: FrameId
    number: int | None
    path: Path


@dataclass
class Findings:
    """What is true of one camera's images; `sent` = `stored` + `gap_frames` + `lost`, as far as the index tells.

    `gaps` are gap records; `duplicate` counts frames or counters that are there twice, `mismatched` pictures
    whose counter does not fit their number, `corrupt` files that are no whole picture, `rejected` entries that
    the recorder skipped, `unlisted` images that the index does not know, `chains` how often numbering began.
    """

    camera: str
    stored: int = 0
    sent: int = 0
    lost: int = 0
    duplicate: int = 0
    corrupt: int = 0
    mismatched: int = 0
    gaps: int = 0
    gap_frames: int = 0
    rejected: int = 0
    unlisted: int = 0
    chains: int = 0
    counters: int = 0
    first: str | None = None
    last: str | None = None

    @property
    def good(self) -> bool:
        """Whether nothing is wrong that nobody told of."""
        return not (self.lost or self.duplicate or self.corrupt or self.mismatched)

    def as_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        return {**asdict(self), "good": self.good}

    def __str__(self) -> str:
        span = f" ({self.first} to {self.last})" if self.first else ""
        words = [
            f"{self.sent} sent",
            f"{self.stored} stored{span}",
            f"{self.lost} lost",
            f"{self.duplicate} duplicate",
            f"{self.corrupt} corrupt",
            f"{self.gaps} gaps ({self.gap_frames} frames)",
        ]
        words += [f"{self.rejected} entries rejected"] if self.rejected else []
        words += [f"{self.mismatched} pictures of another number"] if self.mismatched else []
        return f"{self.camera}: {', '.join(words)}"


def folders_in(folder: Path) -> list[Path]:
    """The camera folders below this one, or itself when it is one."""
    if (folder / FILE_NAME).is_file() or images_in(folder):
        return [folder]
    below = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    return [path for path in below if (path / FILE_NAME).is_file() or images_in(path)]


def verify(folder: Path) -> Findings:
    """Read every image of one camera's folder and its index; raises StoreBusy when the index can't be read."""
    content = read_index(folder)
    found = Findings(folder.name)
    pictures = list(_pictures(folder, found))
    _check_pictures(pictures, found)
    if content is None:
        found.sent = found.stored
    else:
        _check_index(folder, content, {picture.frame for picture in pictures}, found)
    return found


def _pictures(folder: Path, found: Findings) -> Iterator[Picture]:
    for path in images_in(folder):
        frame = frame_of(path)
        if frame is None:
            continue
        try:
            pixels = jpeg.decode(path.read_bytes())
        except CorruptFrame:
            found.corrupt += 1
            continue
        except FileNotFoundError:
            continue  # retention was at work meanwhile
        try:
            yield Picture(frame, counter.read(pixels), path)
        except CorruptFrame:
            yield Picture(frame, None, path)


def _check_pictures(pictures: Sequence[Picture], found: Findings) -> None:
    ordered = sorted(pictures, key=lambda picture: picture.frame)
    frames = Counter(picture.frame for picture in ordered)
    found.stored = len(frames)
    found.duplicate = len(ordered) - len(frames)
    found.counters = sum(picture.number is not None for picture in ordered)
    if ordered:
        found.first, found.last = ("-".join(map(str, picture.frame)) for picture in (ordered[0], ordered[-1]))
    for before, after in pairwise(ordered):
        if before.number is None or after.number is None or before.frame[0] != after.frame[0]:
            continue
        if after.number == before.number and after.frame != before.frame:
            found.duplicate += 1
        elif after.number > before.number and after.number - before.number != after.frame[1] - before.frame[1]:
            found.mismatched += 1  # a smaller number is a camera that was opened anew and counts from 1


def _check_index(folder: Path, content: IndexContent, there: set[FrameId], found: Findings) -> None:
    gaps = [note for note in content.notes if note.kind == "gap"]
    found.gaps = len(gaps)
    found.gap_frames = sum(note.frames for note in gaps)
    found.rejected = sum(note.kind == "rejected" for note in content.notes)
    found.unlisted = len(there - {row.id for row in content.rows})
    found.lost = sum(row.id not in there and not (folder / row.path).exists() for row in content.rows)
    found.chains = bool(content.rows)
    for before, after in pairwise(content.rows):
        if after.number <= before.number:
            found.chains += 1
        else:
            missing = after.number - before.number - 1
            found.lost += max(0, missing - _told(gaps, before, after))
    # What the recorder itself counted as lost is lost, also when a note tells of it.
    found.lost += sum(note.frames for note in gaps if note.cause == "lost")
    found.gap_frames -= sum(note.frames for note in gaps if note.cause == "lost")
    found.sent = found.stored + found.gap_frames + found.lost


def _told(gaps: Sequence[Note], before: Row, after: Row) -> int:
    """Frames between two neighbours of the index that gap records tell of."""
    return sum(note.frames for note in gaps if before.id < parse_id(note.last) < after.id)
