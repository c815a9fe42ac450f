"""Kinds of values that several settings share: their bounds, their units, their wording."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from greencam.settings.masking import shown
from greencam.settings.source_text import parse_source


class Strict(BaseModel):
    """What every model of the settings is: unknown keys are mistakes, nothing is guessed, nothing changes."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, hide_input_in_errors=True
    )


def _one_line(text: str) -> str:
    if len(text) > _LONGEST_TEXT:
        raise ValueError(f"is longer than {_LONGEST_TEXT} characters")
    if any(ord(character) < _SPACE or 0x7F <= ord(character) < 0xA0 for character in text):
        raise ValueError("holds a control character")
    if any(0xD800 <= ord(character) < 0xE000 for character in text):
        raise ValueError("holds bytes that are not UTF-8 text")
    return text


_LONGEST_TEXT = 1024
_SPACE = 0x20


def _folder(text: str) -> str:
    if not text:
        raise ValueError("names no folder")
    return _no_tilde(text)


def _no_tilde(text: str) -> str:
    if text.startswith("~"):
        raise ValueError("write the whole path; a service has no home folder to put for ~")
    return text


def _textfile(text: str) -> str:
    if text and not text.endswith(".prom"):
        raise ValueError("must end in .prom: node_exporter reads no other file")
    return _no_tilde(text)


def _format(text: str) -> str:
    if text.strip().upper() not in PIXEL_FORMATS:
        raise ValueError(f"{shown(text)} is no pixel format; known: {', '.join(sorted(PIXEL_FORMATS))}")
    return text.strip()


def _source(text: str) -> str:
    parse_source(text)
    return text.strip()


def _level(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


# The names of greencam.frame.formats, which this layer must not import; a test keeps the two alike.
PIXEL_FORMATS = frozenset(
    {"RGB888", "BGR888", "XRGB8888", "XBGR8888", "YUV420", "NV12"}  # picamera2's
    | {"BGR24", "RGB24", "GRAY8", "GRAY", "GREY", "BGRA32", "BGRA", "RGBA32", "RGBA", "YUV420P"}
)
EVEN_SIDES = frozenset({"YUV420P", "YUV420", "NV12"})
MAX_SIDE_PX = 16384

Text = Annotated[str, AfterValidator(_one_line)]
Folder = Annotated[Text, AfterValidator(_folder)]
TextfileOrNone = Annotated[Text, AfterValidator(_textfile)]
FolderOrNone = Annotated[Text, AfterValidator(_no_tilde)]
SourceText = Annotated[Text, AfterValidator(_source)]
FormatName = Annotated[Text, AfterValidator(_format)]
LogLevel = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_level)]
LoggerName = Annotated[Text, Field(min_length=1)]
Side = Annotated[int, Field(ge=1, le=MAX_SIDE_PX)]
FramesPerSecond = Annotated[float, Field(ge=0, le=1000)]
ExposureUs = Annotated[int, Field(ge=0, le=700_000_000)]  # the Pi's HQ camera reaches 670 s
Gain = Annotated[float, Field(ge=0, le=100)]
Quality = Annotated[int, Field(ge=1, le=100)]
Port = Annotated[int, Field(ge=1, le=65535)]
Percent = Annotated[float, Field(ge=0, le=100)]
Seconds = Annotated[float, Field(gt=0, le=86400)]
SecondsOrZero = Annotated[float, Field(ge=0, le=86400)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Megabytes = Annotated[int, Field(ge=1, le=100_000_000)]
LogBytes = Annotated[int, Field(ge=1024, le=100 * 1024**3)]
