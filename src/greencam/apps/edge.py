"""Where errors become sentences and exit codes, the same for every command; docs/reference/exit-codes.md."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable

from greencam.base.errors import EXIT_OK, EXIT_USAGE, GreencamError, SettingsError, exit_code
from greencam.base.log import without_secrets


def at_the_edge(work: Callable[[], int]) -> int:
    """Run a command; known errors are printed to stderr in a line each, without passwords."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that knows ASCII only
    try:
        return work()
    except SettingsError as error:
        print(error, file=sys.stderr)  # masked where it was made; its examples of URLs must stay whole
        return exit_code(error)
    except GreencamError as error:
        print(without_secrets(str(error)), file=sys.stderr)
        return exit_code(error)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader of our output has gone
        return EXIT_OK
    except PermissionError as error:
        print(f"no permission for {error.filename}; run this as the user that runs greencam", file=sys.stderr)
        return EXIT_USAGE
    except KeyboardInterrupt:
        return 130
