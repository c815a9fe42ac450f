#!/usr/bin/env python3
"""Start the whole suite.  Usage: start.py [--duration S]; --help tells more."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

from greencam.handle import enter_service

if __name__ == "__main__":
    enter_service()
    from greencam.apps.supervisor import main

    raise SystemExit(main())
