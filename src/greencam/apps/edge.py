"""Where errors become sentences and exit codes, the same for every command; docs/reference/exit-codes.md."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable

from greencam.base.clock import SystemClock
from greencam.base.errors import EXIT_OK, EXIT_USAGE, GreencamError, SettingsError, exit_code
from greencam.base.log import without_secrets
from greencam.base.log_line import Identity, Line, own_name
from greencam.base.log_streams import JsonStderr, read_by_program


def at_the_edge(work: Callable[[], int]) -> int:
    """Run a command; known errors are printed to stderr in a line each, without passwords."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that knows ASCII only
    try:
        return work()
    except SettingsError as error:
        _tell(str(error))  # masked where it was made; its examples of URLs must stay whole
        return exit_code(error)
    except GreencamError as error:
        _tell(without_secrets(str(error)))
        return exit_code(error)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader of our output has gone
        return EXIT_OK
    except PermissionError as error:
        print(f"no permission for {error.filename}; run this as the user that runs greencam", file=sys.stderr)
        return EXIT_USAGE
    except KeyboardInterrupt:
        return 130


def _tell(text: str) -> None:
    """Sentences for a person; errors of the log for the process that started us."""
    if not read_by_program(os.environ):
        print(text, file=sys.stderr)
        return
    now_s, who = SystemClock().wall(), Identity(own_name(sys.argv[0]))
    JsonStderr().write([Line(now_s, "ERROR", who, row) for row in text.splitlines()])
