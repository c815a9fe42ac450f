"""The disposable worker: `cam1_stream.py --camera ID --worker-fd N --dump-fd M`, started by capture alone."""

from __future__ import annotations

import faulthandler
import os
import signal
import threading

from greencam.base import monitoring, proc
from greencam.base.clock import SystemClock
from greencam.base.log_line import Identity
from greencam.base.log_setup import LogWish, set_up_queue
from greencam.base.log_streams import JsonStderr
from greencam.base.stop import Stop
from greencam.camera.registry import source_for
from greencam.capture.pipe import Pipe
from greencam.capture.worker_loop import WorkerLoop, wait_for_end

_CLOSE_GRACE_S = 0.7  # below the second that capture waits between SIGTERM and SIGKILL
_FLUSH_S = 0.2  # for the last lines, within the same second


def main(fd: int, dump_fd: int, camera: str) -> int:
    """Run one camera until told to stop; never returns while a driver hangs longer than its grace.

    At SIGUSR1 the stacks of all threads go to dump_fd, also when a driver never gives the interpreter back.
    """
    wish = LogWish.of(os.environ)
    monitoring.set_up(wish.summary_s, wish.slow_s)
    log = set_up_queue(Identity("cam1_stream", camera), [JsonStderr()], wish.levels, SystemClock())
    faulthandler.register(signal.SIGUSR1, file=dump_fd, all_threads=True)
    stop = Stop().on_signals(signal.SIGTERM)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    proc.die_with_parent(signal.SIGKILL)
    loop = WorkerLoop(Pipe.from_fd(fd), source_for, SystemClock(), stop)
    thread = threading.Thread(target=loop.run, name="camera", daemon=True)
    thread.start()
    ended = wait_for_end(stop, thread.is_alive, _CLOSE_GRACE_S)
    monitoring.flush()
    log.flush_within(_FLUSH_S)
    os._exit(0 if ended else 1)  # an interpreter that shuts down would wait for the driver's own threads
