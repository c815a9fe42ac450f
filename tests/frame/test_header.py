from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.base.errors import CodecMismatch, CorruptFrame, FrameError
from greencam.frame import header
from greencam.frame.formats import Codec, PixelFormat
from greencam.frame.header import SIZE_BYTES, Checker, Header, Template, check_payload, crc32c, pack, unpack

word = st.integers(0, 2**64 - 1)
side = st.integers(1, 16384)


@st.composite
def headers(draw: st.DrawFn) -> Header:
    pixel = draw(st.sampled_from(PixelFormat))
    width, height, pad = draw(side), draw(side), draw(st.integers(0, 64))
    stride = width * pixel.channels + pad
    raw = draw(st.booleans()) and stride * pixel.rows(height) <= header.MAX_PAYLOAD_BYTES
    return Header(
        camera=draw(st.from_regex(rb"\A[A-Za-z0-9_-]{1,32}\Z")),
        epoch=draw(word),
        seq=draw(word),
        sensor_ns=draw(word),
        grabbed_ns=draw(word),
        encoded_ns=draw(word),
        published_ns=draw(word),
        wall_ns=draw(word),
        payload_bytes=stride * pixel.rows(height) if raw else draw(st.integers(0, header.MAX_PAYLOAD_BYTES)),
        width=width,
        height=height,
        stride=stride,
        pixel=pixel,
        codec=Codec.RAW if raw else Codec.JPEG,
        payload_crc=draw(st.integers(0, 2**32 - 1)),
    )


SAMPLE = Header(b"cam1", 3, 7, 1, 2, 0, 4, 5, 640 * 480 * 3, 640, 480, 1920, PixelFormat.BGR24, Codec.RAW, 0)


@given(headers())
def test_what_is_packed_comes_back(head: Header) -> None:
    data = pack(head)
    assert len(data) == SIZE_BYTES
    assert unpack(data) == head


@given(headers(), st.data())
def test_any_flipped_bit_is_rejected(head: Header, data: st.DataObject) -> None:
    packed = bytearray(pack(head))
    bit = data.draw(st.integers(0, 8 * SIZE_BYTES - 1))
    packed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(FrameError):
        unpack(bytes(packed))


@given(headers(), st.integers(0, SIZE_BYTES - 1))
def test_any_truncation_is_rejected(head: Header, length: int) -> None:
    with pytest.raises(CorruptFrame):
        unpack(pack(head)[:length])


@given(st.binary(max_size=4 * SIZE_BYTES))
def test_noise_is_only_ever_a_frame_error(data: bytes) -> None:
    with pytest.raises(FrameError):
        unpack(data)


def signed(head: Header, **changes: Any) -> bytes:
    return pack(head._replace(**changes))


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"payload_bytes": 2**63}, "length"),
        ({"payload_bytes": header.MAX_PAYLOAD_BYTES + 1}, "length"),
        ({"payload_bytes": 640 * 480 * 3 - 1}, "length"),
        ({"stride": 1919}, "length"),
        ({"width": 0}, "size"),
        ({"height": 20000}, "size"),
        ({"pixel": 99}, "format"),
        ({"codec": 99}, "format"),
    ],
)
def test_hostile_figures_with_a_right_checksum_are_rejected(changes: dict[str, int], cause: str) -> None:
    with pytest.raises(CorruptFrame) as caught:
        unpack(signed(SAMPLE, **changes))
    assert caught.value.cause == cause


def test_a_length_that_does_not_fit_the_slot_is_rejected_before_anything_is_allocated() -> None:
    with pytest.raises(CorruptFrame, match="where 1000 fit"):
        unpack(pack(SAMPLE), payload_limit_bytes=1000)


def test_another_version_names_both() -> None:
    packed = bytearray(pack(SAMPLE))
    packed[4] = 9
    with pytest.raises(CodecMismatch, match="version 9, this greencam reads 1"):
        unpack(bytes(packed))


def test_the_layout_of_version_1_never_changes() -> None:
    # Another host may run another build: these bytes are the format, see docs/reference/frame-header.md.
    assert pack(SAMPLE)[:16].hex() == "4743465201008000" + "63616d31" + "00000000"
    assert SIZE_BYTES == 128


@given(st.binary(max_size=2000), st.binary(max_size=2000))
def test_a_payload_passes_only_as_it_was(payload: bytes, other: bytes) -> None:
    head = SAMPLE._replace(codec=Codec.JPEG, payload_bytes=len(payload), payload_crc=crc32c(payload))
    check_payload(head, payload)
    if other != payload:
        with pytest.raises(CorruptFrame):
            check_payload(head, other)


@given(headers(), st.lists(st.tuples(*[word] * 7), min_size=1, max_size=5))
def test_a_template_packs_what_pack_packs(head: Header, numbers: list[tuple[int, ...]]) -> None:
    template = Template(head)
    for changing in numbers:
        assert template.pack(*changing) == pack(Header._make([head.camera, *changing, *head[8:]]))


@given(st.lists(st.one_of(headers(), st.tuples(headers(), st.integers(0, SIZE_BYTES - 1))), max_size=6))
def test_a_checker_that_remembers_rejects_and_reads_what_unpack_does(
    sequence: list[Header | tuple[Header, int]],
) -> None:
    checker = Checker(header.MAX_PAYLOAD_BYTES)
    for item in [*sequence, *sequence]:
        packed = bytearray(pack(item if isinstance(item, Header) else item[0]))
        if not isinstance(item, Header):
            packed[item[1]] ^= 0x10
            with pytest.raises(FrameError):
                checker.unpack(bytes(packed))
        else:
            assert checker.unpack(bytes(packed)) == unpack(bytes(packed))
