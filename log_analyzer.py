#!/usr/bin/env python3
"""What the logs tell.  Usage: log_analyzer.py [--recent-errors] [--hours N] [--file F]; --help tells more."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

from greencam.handle import enter_venv

if __name__ == "__main__":
    enter_venv()
    from greencam.apps.log_analyzer import main

    raise SystemExit(main())
