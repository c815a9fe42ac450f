"""Log lines in the guides' own form, to stderr; the supervisor carries them into files."""

from __future__ import annotations

import logging
import re
import sys

# Guide 1, "Log File Structure": `2024-01-15 10:30:15,123 - camera_system - INFO - message`.
LINE_FORMAT = "%(asctime)s - camera_system - %(levelname)s - %(message)s"
# What names a secret: within the name of a query value, and as a whole word before `=` in a path.
SECRET_PART = "pass|pwd|secret|token|key|auth|user|login"  # noqa: S105 - names, no values
SECRET_WORD = "user|usr|username|pass|passwd|password|pwd"  # noqa: S105 - names, no values
# A password may hold quotes and even an @, so everything up to the last @ before a space or slash goes.
# Both patterns are bounded, so that a line of a megabyte without a URL costs no more than its length.
_USERINFO = re.compile(r"://[^/\s]*@")
_SECRET_QUERY = re.compile(
    rf"(?P<name>[?&;][^=&;?#\s]{{0,40}}(?:{SECRET_PART})[^=&;?#\s]{{0,40}}=)[^&;#\s'\"]*", re.IGNORECASE
)
# Some recorders want it in the path: rtsp://host/user=admin_password=secret_channel=1.sdp
_SECRET_PATH = re.compile(rf"(?P<name>\b(?:{SECRET_WORD})=)[^&;/\s'\"]+", re.IGNORECASE)
_SECRET_NAME = re.compile(
    r"(?:^|[_.-])(?:pass|passwd|password|passwords|pwd|secret|token|auth|authorization|key)$", re.IGNORECASE
)


def without_secrets(text: str) -> str:
    """The text with user, password and secret query values of every URL in it replaced by `***`."""
    text = _USERINFO.sub("://***@", text)  # first: `password=rtsp://…` would lose the :// that it is known by
    for pattern in (_SECRET_QUERY, _SECRET_PATH):
        text = pattern.sub(r"\g<name>***", text)
    return text


def hidden_by_name(name: str) -> bool:
    """Whether the value of a key with this name is a secret as a whole: `redis_password`, `api-key`, `Token`."""
    return _SECRET_NAME.search(name) is not None


def one_line(text: str) -> str:
    """The text of somebody else as part of a line of ours: what could end the line or move a cursor is a space."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


class _Redacting(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


def set_up(level: str = "INFO") -> None:
    """Send every record of this process to stderr, one line in the guides' form, URLs without passwords."""
    sink = logging.StreamHandler(sys.stderr)
    sink.setFormatter(_Redacting(LINE_FORMAT))
    root = logging.getLogger()
    root.handlers[:] = [sink]
    root.setLevel(level)
