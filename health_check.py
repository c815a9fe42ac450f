#!/usr/bin/env python3
"""What is wrong, if anything.  Usage: health_check.py [--json] [--watch [S]] [--component NAME]….

--help tells more.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

from greencam.handle import enter_venv

if __name__ == "__main__":
    enter_venv()
    from greencam.apps.health_check import main

    raise SystemExit(main())
