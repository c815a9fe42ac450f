"""The recorder's store: images as files, named after their frames, and the index that says which are there.

The file comes first (written aside, renamed), then its row together with the recorder's place. A crash between
the two leaves a file without a row; the frame comes again, has the same name and replaces it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from greencam.base.clock import Clock
from greencam.base.files import store_errors, write_atomic
from greencam.bus.chain import FrameId, Place, parse_id
from greencam.client.durable import DurableEvent, DurableFrame
from greencam.client.image_index import Batch, ImageIndex, Row
from greencam.client.retention import Shelf, images_in
from greencam.client.sinks import FolderSettings, image_name

_log = logging.getLogger("store")


class ImageStore:
    """One camera's images below `<folder>/<camera>/`, for one durable consumer."""

    def __init__(
        self, settings: FolderSettings, camera: str, consumer: str, clock: Clock, *, durable: bool = False
    ) -> None:
        """`durable` forces images and index to the medium before they count as stored."""
        self._folder, self._camera, self._durable = settings.folder / camera, camera, durable
        self._quality = settings.quality
        self._shelf = Shelf(self._folder, settings.limits, clock)
        self._index = ImageIndex(self._folder, consumer, clock, durable=durable)
        self._unlisted: dict[FrameId, Path] = {}
        self._removed: list[str] = []
        self._noted: set[Path] = set()
        self.stored = self.repeated = 0

    def open(self) -> Place:
        """Make the folder, see what is there, open the index; where the recorder stands.

        Raises Refused without permission, StoreBusy on a full disk.
        """
        self._begin()
        place = self._index.place()
        found = {frame_of(path): path for path in images_in(self._folder)}
        self._unlisted = {frame: path for frame, path in found.items() if frame is not None and frame > place.id}
        return place

    def _begin(self) -> None:
        with store_errors(f"images of {self._camera}"):
            self._folder.mkdir(parents=True, exist_ok=True)
            told = self._index.open()
            if told:
                _log.error("images of %s: ALERT: %s", self._camera, told)
            self._shelf.look()

    def keep(self, events: Sequence[DurableEvent], place: Place) -> None:
        """Store a batch and move the place to `place`, or nothing of it; may be called again with the same batch.

        Raises StoreBusy or Refused.
        """
        if not self._index.there:
            _log.warning("images of %s: folder or index were removed; a new index begins", self._camera)
            self._index.close()
            self._noted.clear()
            self._begin()
        rows = [self._written(event) for event in events if isinstance(event, DurableFrame)]
        notes = [event for event in events if not isinstance(event, DurableFrame)]
        self.repeated += self._index.commit(Batch(rows, notes, self._removed, place))
        self.stored += len(rows)
        self._removed.clear()
        self._noted.clear()

    def _written(self, frame: DurableFrame) -> Row:
        data, name = frame.jpeg(self._quality), image_name(frame, self._camera)
        path = self._folder / name
        with store_errors(f"images of {self._camera}"):
            if path not in self._noted:
                self._removed += [_relative(old) for old in self._shelf.make_room(len(data))]
            left_behind = self._unlisted.pop(frame.place.id, path)
            if left_behind != path:  # the time zone was another one when a crash came between file and row
                left_behind.unlink(missing_ok=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, data, durable=self._durable)
        if path not in self._noted:
            self._noted.add(path)
            self._shelf.note(path, len(data))
        return Row(frame.place.id, frame.place.number, frame.link.prev, name, len(data), frame.header.wall_ns)

    def close(self) -> None:
        """Close the index."""
        self._index.close()


def frame_of(path: Path) -> FrameId | None:
    """The frame that an image is named after, None when it is not ours."""
    try:
        return parse_id(path.stem.rpartition("_")[2])
    except ValueError:
        return None


def _relative(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"
