"""The whole error vocabulary; the type of an exception is the retry decision.

GreencamError
├── SettingsError         every problem of the settings at once; exit 78
├── Unavailable           retry with back-off
│   ├── CameraUnavailable
│   ├── BusUnavailable
│   └── StoreBusy         disk full, read-only, input/output error: the state of a store
├── Broken                do not retry here
│   ├── CameraBroken
│   └── FrameError        a frame that must not be used
│       ├── CodecMismatch magic or version of another greencam
│       ├── CorruptFrame  checksum, length or picture is wrong
│       └── Overrun       the writer was faster: these bytes are a newer frame's by now
├── GivenUp               this suite as a whole can't go on: exit 70, a fresh start may help
└── Refused               the caller's fault: exit 2, HTTP 4xx
"""

from __future__ import annotations

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_ENDED = 10  # a capture tells its supervisor that its recording is over
EXIT_UNAVAILABLE = 69  # EX_UNAVAILABLE of sysexits.h
EXIT_SOFTWARE = 70  # EX_SOFTWARE of sysexits.h
EXIT_CONFIG = 78  # EX_CONFIG of sysexits.h


class GreencamError(Exception):
    """Root of everything that greencam raises on purpose."""


class SettingsError(GreencamError):
    """Every problem found in the settings, each a sentence that names its place and its fix."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class Unavailable(GreencamError):
    """Something outside is not there now: retry with back-off.

    `cause` is one stable word for machines (`refused`, `timeout` …); the text is for people.
    """

    def __init__(self, text: str, cause: str = "unavailable") -> None:
        self.cause = cause
        super().__init__(text)


class CameraUnavailable(Unavailable):
    """The camera can't be opened or stopped delivering; trying again may help."""


class BusUnavailable(Unavailable):
    """Redis can't be reached or does not accept commands now."""


class StoreBusy(Unavailable):
    """A store (disk, database) can't take data now."""


class Broken(GreencamError):
    """Trying the same again here can't help. `cause` is one stable word for machines."""

    def __init__(self, text: str, cause: str = "broken") -> None:
        self.cause = cause
        super().__init__(text)


class CameraBroken(Broken):
    """The camera refuses in a way that only a person or another setting can change."""


class FrameError(Broken):
    """A frame that must not be used; reject, count, go on."""


class CodecMismatch(FrameError):
    """The header is not ours or of another version."""


class CorruptFrame(FrameError):
    """The header or the picture does not match its checksum, its lengths or itself."""


class Overrun(FrameError):
    """The writer has reused the slot: `missed` frames are gone, a newer one is there."""

    def __init__(self, text: str, missed: int = 1) -> None:
        self.missed = missed
        super().__init__(text, cause="overrun")


class GivenUp(GreencamError):
    """Every remedy within this process has been tried; whoever started it should start it anew."""


class Refused(GreencamError):
    """The caller asked for something that can't be: exit 2 or HTTP 4xx."""


def exit_code(error: GreencamError) -> int:
    """78 settings, 2 the caller's fault, 69 something is not there now, 70 given up, 1 everything else."""
    return next((code for kind, code in _CODES.items() if isinstance(error, kind)), EXIT_FAILED)


_CODES: dict[type[GreencamError], int] = {
    SettingsError: EXIT_CONFIG,
    Refused: EXIT_USAGE,
    Unavailable: EXIT_UNAVAILABLE,
    GivenUp: EXIT_SOFTWARE,
}
