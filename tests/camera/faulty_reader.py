"""A process that reads a faulty camera on a thread, as a worker does: python -m tests.camera.faulty_reader FOLDER

Prints `frame` per picture and `failed CAUSE` at the end; SIGUSR1 makes it dump its stacks to stderr.
"""

from __future__ import annotations

import faulthandler
import signal
import sys
import threading

from greencam.base.clock import SystemClock
from greencam.base.errors import CameraUnavailable
from greencam.camera.registry import source_for
from greencam.camera.source import CameraSpec


def read(folder: str) -> None:
    spec = CameraSpec("cam1", "faulty", folder, width=32, height=16, fps=100)
    source = source_for(spec, SystemClock())
    try:
        source.open()
        while True:
            source.read(0.2)
            print("frame", flush=True)
    except CameraUnavailable as error:
        print(f"failed {error.cause}", flush=True)
    source.close()


def main() -> int:
    faulthandler.register(signal.SIGUSR1)
    thread = threading.Thread(target=read, args=(sys.argv[1],))
    thread.start()
    thread.join()
    return 0


if __name__ == "__main__":
    sys.exit(main())
