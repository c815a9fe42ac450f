"""One measured process: gets ready, says so, waits for its window, works, answers with figures. Not for people.

python -m benchmarks.actor JOB; reads one line with the window from stdin, writes two JSON lines to stdout.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks import limits, peers
from benchmarks.jobs import Job, Window
from benchmarks.receiving import follow, receive
from benchmarks.sending import send
from greencam.base import proc

Work = Callable[[Window], dict[str, Any]]


def main() -> None:
    """Do the job that the command line names."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends us, in its order
    proc.die_with_parent(signal.SIGKILL)
    job = Job.from_text(sys.argv[1])
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # libraries print what they like; the answers stay clean
    work = _work(job)
    _say(answers, {"ready": True})
    line = sys.stdin.readline()
    if line:
        window = Window(**json.loads(line))
        time.sleep(max(0.0, (window.begin_ns - time.monotonic_ns()) / 1e9))
        _say(answers, work(window))
        sys.stdin.readline()  # stay until everybody is done: a sender that leaves would end the others
    os._exit(0) if job.peer == "netgear" else sys.exit(0)  # NetGear's threads never end


def _work(job: Job) -> Work:
    if job.role == "send":
        sender = peers.sender(job.peer, job.place)
        return lambda window: send(sender, job, window)
    if job.role == "receive":
        receiver = peers.receiver(job.peer, job.place)
        return lambda window: receive(receiver, job, window)
    if job.role in {"follow", "carry"}:
        return lambda window: follow(job, window, decode=job.role == "follow")
    turn = limits.turn(job.role, job.place)
    return lambda window: limits.repeat(turn, window)


def _say(answers: Any, facts: dict[str, Any]) -> None:
    answers.write(json.dumps(facts) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
