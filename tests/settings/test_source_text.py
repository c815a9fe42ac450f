from __future__ import annotations

import pytest

from greencam.settings.source_text import faulty_parts, parse_source


@pytest.mark.parametrize(
    ("text", "kind", "address"),
    [
        ("auto", "auto", ""),
        (" pattern ", "pattern", ""),
        ("picamera2", "picamera2", ""),
        ("picamera2:1", "picamera2", "1"),
        ("v4l2:/dev/video0", "v4l2", "/dev/video0"),
        ("/dev/video0", "v4l2", "/dev/video0"),
        ("/dev/v4l/by-id/usb-a:b-index0", "v4l2", "/dev/v4l/by-id/usb-a:b-index0"),
        ("file:clips/a.mp4", "file", "clips/a.mp4"),
        ("file:clips/strange", "file", "clips/strange"),
        ("clips/a.MKV", "file", "clips/a.MKV"),
        ("faulty:/run/f", "faulty", "/run/f"),
        ("Faulty:drill|rtsp://u:p%2Fw@h/s", "faulty", "drill|rtsp://u:p%2Fw@h/s"),
        ("faulty:/f|/dev/video0", "faulty", "/f|/dev/video0"),
        ("rtsp://u:p%2Fw@h:554/s", "rtsp", "rtsp://u:p%2Fw@h:554/s"),
        ("RTSPS://h/s", "rtsp", "RTSPS://h/s"),
        ("http://[::1]:8080/a.mjpg", "rtsp", "http://[::1]:8080/a.mjpg"),
    ],
)
def test_forms(text: str, kind: str, address: str) -> None:
    assert parse_source(text) == (kind, address)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "webcam",
        "picamera2:",
        "picamera2:x",
        "picamera2:١",
        "v4l2:video0",
        "file:",
        "auto:1",
        "a.txt",
        "faulty",
        "faulty:",
        "faulty:|pattern",
        "faulty:/f|",
        "faulty:/f|x",
        "faulty:/f|faulty:/g",
    ],
)
def test_other_texts_are_told_the_forms(text: str) -> None:
    with pytest.raises(ValueError, match=r"the forms are auto, pattern, .*rtsp://"):
        parse_source(text)


@pytest.mark.parametrize(
    "text",
    [
        "rtsp://",
        "rtsp:///s",
        "rtsp://u:canary@h:99999/",
        "rtsp://u:can/ary@h",
        "rtsp://u:#canary@h/",
        "rtsp://u:1/canary@h/",
        "rtsp://[x",
        "rtsp://h ost/",
        "rtsp://h:0/",
        "faulty:/f|rtsp://u:can/ary@h",
    ],
)
def test_broken_urls_are_told_without_their_password(text: str) -> None:
    with pytest.raises(ValueError, match="not a URL with a host and") as caught:
        parse_source(text)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("/f", ("/f", "pattern")),
        (" /f | /dev/video0 ", ("/f", "/dev/video0")),
        ("/f|rtsp://u:a%7Cb@h/s?x=1|2", ("/f", "rtsp://u:a%7Cb@h/s?x=1|2")),
    ],
)
def test_what_stands_behind_a_faulty_camera(address: str, parts: tuple[str, str]) -> None:
    assert faulty_parts(address) == parts
