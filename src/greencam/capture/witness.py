"""Asks a failed worker what happened before it is killed, and keeps its last words."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from greencam.capture.evidence import gather
from greencam.capture.worker import Worker
from greencam.health.process import ProcessFacts, look_at

_log = logging.getLogger("capture")


class Witness:
    """Evidence about the worker that is being replaced."""

    def __init__(self, camera: str) -> None:
        self._camera = camera
        self._pid: int | None = None
        self._hangs = False
        self._before: ProcessFacts | None = None

    def question(self, worker: Worker, *, hangs: bool) -> None:
        """Note how its threads stand now, before it is killed, and have it dump their stacks; returns at once.

        Only one that hangs: the stacks of an interpreter that is being torn down are no evidence, and walking
        through them crashes it.
        """
        self._pid, self._hangs = worker.pid, hangs
        if hangs:
            self._before = look_at(worker.pid)
            worker.ask_for_dump()

    def last_words(self, worker: Worker) -> dict[str, Any] | None:
        """What was found out about this worker, told to the log once; None when it was never questioned."""
        if self._pid != worker.pid:
            return None
        worker.driver_lines()
        found = gather(None, worker.last_lines, worker.dump())
        if self._hangs or worker.unkillable:
            # Where it hangs shows best when it was killed and is still there.
            process = look_at(worker.pid) if worker.unkillable else self._before
            found = replace(found, pid=self._pid, process=process)
        self._pid = self._before = None
        if found.summary():
            _log.warning("%s: evidence: %s", self._camera, found.summary())
        return {**found.as_dict(), "summary": found.summary()}
