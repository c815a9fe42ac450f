from __future__ import annotations

import io
import logging
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from greencam.base import log
from greencam.base.log import without_secrets

# What the settings accept in a password: everything but spaces and / # ?, which end a URL's user part.
HIDDEN_FROM_URLS: tuple[Literal["Zs", "Zl", "Zp", "C"], ...] = ("Zs", "Zl", "Zp", "C")
password = st.text(
    st.characters(exclude_characters="/#?", exclude_categories=HIDDEN_FROM_URLS), min_size=6, max_size=30
).filter(lambda text: not set(text) <= set("*@:"))
scheme = st.sampled_from(["rtsp", "rtsps", "redis", "rediss", "unix", "http", "https", "smtp+tls"])
prose = st.text(st.characters(exclude_categories=HIDDEN_FROM_URLS[3:]), max_size=30)


@contextmanager
def logging_to(stream: io.StringIO) -> Iterator[logging.Logger]:
    """Logging as every process sets it up, with stderr in a string."""
    root = logging.getLogger()
    before, level, stderr = root.handlers[:], root.level, sys.stderr
    sys.stderr = stream
    try:
        log.set_up("DEBUG")
        yield logging.getLogger("log-test")
    finally:
        sys.stderr = stderr
        root.handlers[:] = before
        root.setLevel(level)


def line_of(text: str, *words: object, error: Exception | None = None) -> str:
    stream = io.StringIO()
    with logging_to(stream) as logger:
        logger.warning(text, *words, exc_info=error)
    return stream.getvalue()


@given(scheme, password, prose, prose, st.sampled_from(["", "u", "user.name", "a@b"]))
def test_a_password_in_a_url_never_appears_in_a_line(
    kind: str, secret: str, before: str, after: str, user: str
) -> None:
    assume(secret not in before + after + kind + "camera.example:554/stream1")
    text = f"{before} {kind}://{user}:{secret}@camera.example:554/stream1 {after}"
    line = line_of("can't open %s", text)
    assert secret not in line
    assert "***@camera.example:554/stream1" in line


@pytest.mark.parametrize("quote", ["'{}'", '"{}"', "({})", "<{}>", "url={},", "['{}']", '{{"url": "{}"}}'])
def test_however_the_url_is_wrapped(quote: str) -> None:
    line = line_of("%s", quote.format("rtsp://admin:it's-s3cr3t\"!@10.0.0.9/1"))
    assert "s3cr3t" not in line
    assert "10.0.0.9/1" in line


@pytest.mark.parametrize("name", ["password", "pwd", "token", "api_key", "PASS", "auth"])
def test_a_secret_in_a_query_is_hidden_too(name: str) -> None:
    line = line_of("no answer from http://10.0.0.9/video.cgi?res=hd&%s=s3cr3t&fps=5", name)
    assert "s3cr3t" not in line
    assert "res=hd" in line
    assert "fps=5" in line


def test_an_address_behind_the_word_password_keeps_neither() -> None:
    assert "s3cr3t" not in line_of("%s", "worker password=rtsp://admin:s3cr3t@10.0.0.9/1")


def test_a_password_in_a_traceback_is_hidden() -> None:
    try:
        raise ValueError("rtsp://admin:s3cr3t@10.0.0.9/1 refuses")
    except ValueError as error:
        text = line_of("it failed", error=error)
    assert "Traceback" in text
    assert "s3cr3t" not in text
    assert "rtsp://***@10.0.0.9/1" in text


def test_what_holds_no_secret_stays_as_it_is() -> None:
    for text in ("write to me@example.com", "rtsp://10.0.0.9:554/stream1", "a: b @ c", "3 × 4 @ 5 fps", "user:x@y"):
        assert without_secrets(text) == text


def test_a_line_has_the_form_of_the_guides() -> None:
    line = line_of("streaming at %d fps", 30)
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - camera_system - WARNING - streaming at 30 fps\n", line
    )


def test_a_very_long_line_costs_no_more_than_moments() -> None:
    began = time.monotonic()
    for text in ("a", "a://", "?", "?pass", "@", "://a:b", "&user;key"):
        assert len(without_secrets(text * 20_000)) == len(text) * 20_000
    assert time.monotonic() - began < 5.0


@given(st.text(max_size=200))
def test_the_text_of_somebody_else_stays_on_one_line_and_can_be_written(text: str) -> None:
    line = log.one_line(text)
    assert len(line) == len(text)
    assert len(line.splitlines()) <= 1
    assert "\x1b" not in line
    line.encode()
