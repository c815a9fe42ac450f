"""Several questions at once with one deadline: a disk or server that hangs costs its own answer only."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

from greencam.base.clock import Clock

_log = logging.getLogger("metrics")


class _Question:
    """One thing to ask in a thread of its own."""

    def __init__(self, name: str, ask: Callable[[], Any]) -> None:
        self._ask, self.answer = ask, None
        self.done, self.failed = threading.Event(), False
        self.thread = threading.Thread(target=self._run, name=f"metrics-{name}", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.answer = self._ask()
        except Exception:  # noqa: BLE001 - a service runner: the other parts must come, the cause be seen
            self.failed = True
            _log.exception("a part of the metrics failed")
        finally:
            self.done.set()


class Parts:
    """Asks each of its questions anew at every `ask`, except one that still hangs: each has one thread at most.

    Answers may hold None; a question that raised is logged and counts as late.
    """

    def __init__(self, questions: Mapping[str, Callable[[], Any]], deadline_s: float, clock: Clock) -> None:
        self._questions, self._deadline_s, self._clock = dict(questions), deadline_s, clock
        self._hang: dict[str, _Question] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Of its questions."""
        return tuple(self._questions)

    def ask(self) -> dict[str, Any]:
        """The answers that came within the deadline, by name."""
        end_s = self._clock.monotonic() + self._deadline_s
        asked = {
            name: _Question(name, ask)
            for name, ask in self._questions.items()
            if name not in self._hang or self._hang[name].done.is_set()
        }
        answers: dict[str, Any] = {}
        for name, question in asked.items():
            in_time = question.done.wait(max(0.0, end_s - self._clock.monotonic()))
            if in_time and not question.failed:
                answers[name] = question.answer
        self._hang = {
            name: question for name, question in {**self._hang, **asked}.items() if not question.done.is_set()
        }
        return answers
