"""Values as they may be shown: without passwords, short, on one line."""

from __future__ import annotations

import re

from greencam.base.log import SECRET_PART, SECRET_WORD

_USERINFO = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)?.*@", re.DOTALL)
_SECRET_QUERY = re.compile(rf"(?P<name>[?&;][^=&;#]*(?:{SECRET_PART})[^=&;#]*=)[^&;#]*", re.IGNORECASE)
_SECRET_PATH = re.compile(rf"(?P<name>\b(?:{SECRET_WORD})=)[^&;/\s]+", re.IGNORECASE)
_LONGEST_SHOWN = 80
HIDDEN = "***"


def masked(text: str) -> str:
    """The text with everything that may be a user or password of a URL replaced by `***`.

    Whatever stands before the last `@` goes: a password may itself hold `@`, `/` or spaces, and losing a
    host's name costs less than showing a part of a password. So do query values named like a secret.
    """
    if "://" in text or ":" in text.partition("@")[0]:
        text = _USERINFO.sub(rf"\g<scheme>{HIDDEN}@", text) if "@" in text else text
    return _SECRET_PATH.sub(rf"\g<name>{HIDDEN}", _SECRET_QUERY.sub(rf"\g<name>{HIDDEN}", text))


def shown(value: object) -> str:
    """A value for a message: masked, at most 80 characters; containers only by their kind."""
    if isinstance(value, str):
        text = repr(masked(value))
        return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
    if value is None:
        return "nothing"
    if isinstance(value, bool | int | float):
        return str(value)
    return "a mapping" if isinstance(value, dict) else "a list"
