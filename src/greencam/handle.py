"""What every root script calls first, so that the system's `python3 script.py` runs in the project's `.venv`.

Standard library only: it runs before anything is installed. A root script is

    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))
    from greencam.handle import enter_venv

    enter_venv()
    from greencam.apps.NAME import main

    raise SystemExit(main())
"""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from pathlib import Path

_EXIT_UNAVAILABLE = 69
_GUARD = "GREENCAM_ENTERED_PID"
_NEEDED = ("numpy", "pydantic", "redis", "yaml")
_SET_UP = "run ./run.sh setup first"
_STOPS = (signal.SIGTERM, signal.SIGINT)


def enter_service() -> None:
    """The same as `enter_venv` for a script that runs until it is stopped: a stop during the imports is exit 0.

    The signals are blocked across the change of Python, which keeps them, so that none is lost or ends us by its
    default in between. What is left is the start of the first interpreter, some 20 ms, in which SIGTERM is -15.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
    enter_venv()
    for number in _STOPS:
        signal.signal(number, lambda *_: os._exit(0))  # nothing is started yet; main sets its own handlers
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)


def enter_venv() -> None:
    """Go on in the project's `.venv`, with the root folder off `sys.path`; sys.argv stays.

    Replaces this process (os.execv keeps its pid) when it runs under another Python. Exits 69 with one sentence
    when there is no `.venv` and the libraries are not there either, or when the `.venv` does not work.
    """
    # Until the command has its own handlers, Ctrl-C ends it at once instead of in a traceback of the imports.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    root = Path(__file__).resolve().parents[2]
    venv = root / ".venv"
    # exec keeps the pid, children have another: the guard stops a loop and nothing else.
    entered = os.environ.pop(_GUARD, "") == str(os.getpid())
    if Path(sys.prefix).resolve() == venv.resolve():
        _forget_folder(root)
        return
    python = venv / "bin" / "python"
    if os.access(python, os.X_OK):
        if entered:
            _give_up(f"{python} does not run in its own environment; remove {venv} and {_SET_UP}")
        _switch_to(python, venv)
    if any(importlib.util.find_spec(name) is None for name in _NEEDED):
        _give_up(_SET_UP)
    _forget_folder(root)


def _switch_to(python: Path, venv: Path) -> None:
    os.environ[_GUARD] = str(os.getpid())
    sys.stdout.flush()
    try:
        # -P: the script's folder stays off sys.path, where config.py or client.py would shadow an import.
        os.execv(python, [str(python), "-P", *sys.argv])
    except OSError as error:
        _give_up(f"{python} does not start ({error.strerror}); remove {venv} and {_SET_UP}")


def _forget_folder(root: Path) -> None:
    """What -P does, for a Python that was started without it."""
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != root]


def _give_up(sentence: str) -> None:
    print(sentence, file=sys.stderr)
    raise SystemExit(_EXIT_UNAVAILABLE)
