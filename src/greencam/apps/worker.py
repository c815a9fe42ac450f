"""The disposable worker: `cam1_stream.py --camera ID --worker-fd N --dump-fd M`, started by capture alone."""

from __future__ import annotations

import faulthandler
import os
import signal
import threading

from greencam.base import log, proc
from greencam.base.clock import SystemClock
from greencam.base.stop import Stop
from greencam.camera.registry import source_for
from greencam.capture.pipe import Pipe
from greencam.capture.worker_loop import WorkerLoop, wait_for_end

_CLOSE_GRACE_S = 0.7  # below the second that capture waits between SIGTERM and SIGKILL


def main(fd: int, dump_fd: int) -> int:
    """Run one camera until told to stop; never returns while a driver hangs longer than its grace.

    At SIGUSR1 the stacks of all threads go to dump_fd, also when a driver never gives the interpreter back.
    """
    log.set_up()
    faulthandler.register(signal.SIGUSR1, file=dump_fd, all_threads=True)
    stop = Stop().on_signals(signal.SIGTERM)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    proc.die_with_parent(signal.SIGKILL)
    loop = WorkerLoop(Pipe.from_fd(fd), source_for, SystemClock(), stop)
    thread = threading.Thread(target=loop.run, name="camera", daemon=True)
    thread.start()
    ended = wait_for_end(stop, thread.is_alive, _CLOSE_GRACE_S)
    os._exit(0 if ended else 1)  # an interpreter that shuts down would wait for the driver's own threads
