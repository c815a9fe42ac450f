"""The index of stored images: which frames are on disk, what is missing, and where the recorder stands.

One SQLite file per camera, written by the recorder alone. The rows of a batch and the recorder's place are one
transaction, so that after any crash the place is that of the last image whose row is there.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from greencam.base.clock import Clock
from greencam.base.errors import StoreBusy
from greencam.bus.chain import FrameId, Gap, Place, id_text
from greencam.bus.follower import Rejected

FILE_NAME = "index.sqlite"
_NOTES_KEPT = 10_000
_SCHEMA = """
CREATE TABLE IF NOT EXISTS images (
    epoch INTEGER NOT NULL, seq INTEGER NOT NULL, number INTEGER NOT NULL, prev TEXT NOT NULL,
    path TEXT NOT NULL UNIQUE, size_bytes INTEGER NOT NULL, wall_ns INTEGER NOT NULL,
    PRIMARY KEY (epoch, seq)) STRICT;
CREATE TABLE IF NOT EXISTS notes (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, first TEXT NOT NULL, last TEXT NOT NULL,
    frames INTEGER NOT NULL, cause TEXT NOT NULL, wall_s REAL NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS places (
    consumer TEXT PRIMARY KEY, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, number INTEGER NOT NULL) STRICT;
"""


class Row(NamedTuple):
    """One stored image; `path` is relative to the camera's folder, `prev` the frame before it in the chain."""

    id: FrameId
    number: int
    prev: FrameId
    path: str
    size_bytes: int
    wall_ns: int


class Note(NamedTuple):
    """What is missing (`gap`) or was skipped (`rejected`)."""

    kind: str
    first: str
    last: str
    frames: int
    cause: str


class Batch(NamedTuple):
    """What goes into the index at once."""

    rows: Sequence[Row]
    notes: Sequence[Gap | Rejected]
    removed: Sequence[str]
    place: Place


@contextmanager
def _store_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StoreBusy(f"the index {path}: {error}", cause="index") from error


class ImageIndex:
    """The index, open for writing; `durable` forces each commit to the medium."""

    def __init__(self, folder: Path, consumer: str, clock: Clock, *, durable: bool = False) -> None:
        self._path, self._consumer, self._clock, self._durable = folder / FILE_NAME, consumer, clock, durable
        self._db: sqlite3.Connection | None = None
        self._opened: os.stat_result | None = None

    @property
    def there(self) -> bool:
        """Whether the file of that name is still the one that was opened; somebody may have removed it."""
        try:
            return self._opened is not None and os.path.samestat(self._path.stat(), self._opened)
        except FileNotFoundError:
            return False

    def open(self) -> str:
        """Open or make the index; a damaged one is moved aside, which the text tells. Raises StoreBusy."""
        with _store_errors(self._path):
            try:
                self._db = self._checked()
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
                aside = self._move_aside()
                self._db = self._checked()
                return f"{self._path} was damaged ({error}) and is kept as {aside.name}; a new index begins"
        return ""

    def _checked(self) -> sqlite3.Connection:
        made = sqlite3.connect(self._path, isolation_level=None, timeout=5.0)
        try:
            made.execute("PRAGMA journal_mode = WAL")
            made.execute(f"PRAGMA synchronous = {'FULL' if self._durable else 'NORMAL'}")
            found = made.execute("PRAGMA quick_check(1)").fetchone()[0]
            if found != "ok":
                raise sqlite3.DatabaseError(found)
            made.executescript(_SCHEMA)
            self._opened = self._path.stat()
        except sqlite3.Error:
            made.close()
            raise
        return made

    def _move_aside(self) -> Path:
        aside = self._path.with_name(f"{FILE_NAME}.damaged-{int(self._clock.wall())}")
        self._path.rename(aside)
        for suffix in ("-wal", "-shm"):
            self._path.with_name(FILE_NAME + suffix).unlink(missing_ok=True)
        return aside

    @property
    def _open_db(self) -> sqlite3.Connection:
        if self._db is None:
            raise StoreBusy(f"the index {self._path} is not open", cause="index")
        return self._db

    def place(self) -> Place:
        """Where the consumer stands; raises StoreBusy."""
        with _store_errors(self._path):
            query = "SELECT epoch, seq, number FROM places WHERE consumer = ?"
            row = self._open_db.execute(query, (self._consumer,)).fetchone()
        return Place((row[0], row[1]), row[2]) if row else Place()

    def commit(self, batch: Batch) -> int:
        """Take in a batch, whole or not at all; how many of its frames were there already. Raises StoreBusy."""
        db = self._open_db
        with _store_errors(self._path):
            db.execute("BEGIN IMMEDIATE")
            try:
                fresh = self._insert(db, batch)
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
        return len(batch.rows) - fresh

    def _insert(self, db: sqlite3.Connection, batch: Batch) -> int:
        before = db.total_changes
        db.executemany(
            "INSERT INTO images VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [(*row.id, row.number, id_text(row.prev), row.path, row.size_bytes, row.wall_ns) for row in batch.rows],
        )
        fresh = db.total_changes - before
        db.executemany("DELETE FROM images WHERE path = ?", [(path,) for path in batch.removed])
        self._note(db, batch.notes)
        place = (self._consumer, *batch.place.id, batch.place.number)
        db.execute("INSERT OR REPLACE INTO places VALUES (?, ?, ?, ?)", place)
        return fresh

    def _note(self, db: sqlite3.Connection, notes: Iterable[Gap | Rejected]) -> None:
        wall_s = self._clock.wall()
        plain = [(*_plain(note), wall_s) for note in notes]
        if plain:
            columns = "kind, first, last, frames, cause, wall_s"
            db.executemany(f"INSERT INTO notes ({columns}) VALUES (?, ?, ?, ?, ?, ?)", plain)  # noqa: S608
            db.execute("DELETE FROM notes WHERE id <= (SELECT max(id) FROM notes) - ?", (_NOTES_KEPT,))

    def close(self) -> None:
        """Close the file."""
        if self._db is not None:
            self._db.close()
            self._db = None


def _plain(note: Gap | Rejected) -> Note:
    if isinstance(note, Gap):
        return Note("gap", id_text(note.first), id_text(note.last), note.frames, note.cause)
    return Note("rejected", id_text(note.id), id_text(note.id), 0, note.cause)


class IndexContent(NamedTuple):
    """What an index holds, read without changing it."""

    rows: list[Row]
    notes: list[Note]


def read_index(folder: Path) -> IndexContent | None:
    """The index of this camera's folder, or None without one; raises StoreBusy. Safe while the recorder writes."""
    path = folder / FILE_NAME
    if not path.is_file():
        return None
    with _store_errors(path):
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5.0)
        try:
            rows = db.execute(
                "SELECT epoch, seq, number, prev, path, size_bytes, wall_ns FROM images ORDER BY 1, 2"
            )
            images = [Row((row[0], row[1]), row[2], _id(row[3]), *row[4:]) for row in rows]
            notes = [
                Note(*row) for row in db.execute("SELECT kind, first, last, frames, cause FROM notes ORDER BY id")
            ]
        finally:
            db.close()
    return IndexContent(images, notes)


class IndexSummary(NamedTuple):
    """How many images there are, their bytes, and when the newest frame among them was taken (ns since 1970)."""

    images: int
    size_bytes: int
    newest_wall_ns: int | None


def summary(folder: Path, timeout_s: float) -> IndexSummary | None:
    """The index in three figures, or None without one; raises StoreBusy, also when it is locked for timeout_s."""
    path = folder / FILE_NAME
    if not path.is_file():
        return None
    with _store_errors(path):
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=timeout_s)
        try:
            images, size_bytes = db.execute("SELECT count(*), total(size_bytes) FROM images").fetchone()
            newest = db.execute("SELECT wall_ns FROM images ORDER BY epoch DESC, seq DESC LIMIT 1").fetchone()
        finally:
            db.close()
    return IndexSummary(images, int(size_bytes), newest[0] if newest else None)


def _id(text: str) -> FrameId:
    epoch, _, seq = text.partition("-")
    return int(epoch), int(seq)
