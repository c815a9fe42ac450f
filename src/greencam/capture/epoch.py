"""The epoch: how often this camera's capture has started, kept in a file, never taken from a clock."""

from __future__ import annotations

from pathlib import Path

from greencam.base.errors import Refused, StoreBusy
from greencam.base.files import store_errors, write_atomic
from greencam.frame.ring_layout import EPOCH_LIMIT


def begin(path: Path, at_least: int = 0) -> int:
    """One more than the epoch in the file and than `at_least`, written back durably.

    A file that is absent or not an epoch counts as 0: Redis and the ring, whose epochs come in as `at_least`,
    then decide. Raises StoreBusy when the disk does not take it.
    """
    with store_errors(f"can't keep the epoch in {path}"):
        epoch = max(_kept(path), at_least) + 1
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, f"{epoch}\n".encode(), durable=True)
    return epoch


def begin_or_continue(path: Path, at_least: int) -> tuple[int, str]:
    """The next epoch and, when it could not be written, why: a full disk must not stop a camera."""
    try:
        return begin(path, at_least), ""
    except (StoreBusy, Refused) as error:
        return max(_kept(path), at_least) + 1, str(error)


def _kept(path: Path) -> int:
    try:
        last = int(path.read_text().strip())
    except (OSError, ValueError):
        return 0
    return last if 0 < last < EPOCH_LIMIT - 1 else 0
