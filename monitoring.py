#!/usr/bin/env python3
"""The state of the logs at a glance.  Usage: monitoring.py [--json | --follow]

As a module:  from monitoring import connection, issue, log_to_files, timed
              log_to_files("my_program")
              with timed("fetch_image"):  # fetch_image_duration in logs/performance.log
                  picture = fetch()
              issue("camera_connection_failed", "no answer", "ERROR", camera="cam1")
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

from greencam.handle import enter_venv

if __name__ == "__main__":
    enter_venv()
    from greencam.apps.monitoring import main

    raise SystemExit(main())

from greencam.apps.logs import log_to_files
from greencam.base.monitoring import connection, counters, failed, issue, measured, perf, timed

__all__ = ["connection", "counters", "failed", "issue", "log_to_files", "measured", "perf", "timed"]
