from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.capture.causes import CauseClass, cause_in, class_of, issue_word


@pytest.mark.parametrize(
    ("cause", "kind", "issue"),
    [
        ("absent", CauseClass.DISCONNECTED, "connection_error"),
        ("end_of_stream", CauseClass.DISCONNECTED, "connection_error"),
        ("buffer", CauseClass.BUFFER, "buffer_error"),
        ("timeout", CauseClass.TIMEOUT, "capture_failure"),
        ("open timeout", CauseClass.INITIALISATION, "capture_failure"),
        ("busy", CauseClass.INITIALISATION, "capture_failure"),
        ("never heard of", CauseClass.INITIALISATION, "capture_failure"),
        ("io", CauseClass.HARDWARE, "connection_error"),
        ("crashed", CauseClass.HARDWARE, "connection_error"),
        ("frozen", CauseClass.FROZEN, "capture_failure"),
    ],
)
def test_class_and_alert_word_of_a_cause(cause: str, kind: CauseClass, issue: str) -> None:
    assert class_of(cause) is kind
    assert issue_word(kind) == issue


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        (
            "[1:2:3] WARN V4L2 v4l2_videodevice.cpp:2095 /dev/video0: Dequeue timer of 1000000.00us has expired!",
            "buffer",
        ),
        ("ERROR RPI pipeline_base.cpp:1367 Camera frontend has timed out!", "buffer"),
        ("ERROR V4L2 v4l2_videodevice.cpp:1906 Failed to queue buffer 2: Invalid argument", "buffer"),
        ("unable to dequeue the capture buffer", "buffer"),
        ("imx219 10-0010: Error writing reg: EREMOTEIO", "hardware"),
        ("OSError: [Errno 121] Remote I/O error", "hardware"),
        ("INFO Camera camera.cpp:1197 configuring streams: (0) 1280x720-RGB888", ""),
        ("", ""),
    ],
)
def test_what_a_drivers_line_tells(line: str, cause: str) -> None:
    assert cause_in(line) == cause


@given(st.text(max_size=5000))
def test_any_line_is_read(line: str) -> None:
    assert cause_in(line) in {"", "buffer", "hardware"}
