#!/usr/bin/env python3
"""Stop the running suite in good order.  Usage: graceful_shutdown.py [--timeout S] [--force]

As a module:  from graceful_shutdown import GracefulShutdown
              with GracefulShutdown() as shutdown:  # SIGINT and SIGTERM set a flag
                  shutdown.register_cleanup(camera.close, timeout_s=2)
                  while not shutdown.wait(1.0):
                      work()
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

from greencam.handle import enter_venv

if __name__ == "__main__":
    enter_venv()
    from greencam.apps.stop import main

    raise SystemExit(main())

from greencam.base.graceful import GracefulShutdown, register_cleanup, run_cleanup, shutdown_requested

__all__ = ["GracefulShutdown", "register_cleanup", "run_cleanup", "shutdown_requested"]
