from __future__ import annotations

from pathlib import Path

import pytest

from greencam.base.clock import SystemClock
from greencam.base.errors import Refused
from greencam.bus.link import RedisTarget
from greencam.client.places import Places, stream_for
from greencam.settings.load import load
from tests import making

EMBEDDED = RedisTarget("unix:///nowhere/redis.sock", embedded=True)
EXTERNAL = RedisTarget("redis://10.0.0.9")
NAMES = ("front", "back", "garage")


@pytest.mark.parametrize(
    ("asked", "hint"),
    [("frnt", "did you mean front?"), ("Garage", "did you mean garage?"), ("xyz", "known: front, back, garage")],
)
def test_a_camera_that_does_not_exist_is_refused_with_the_nearest_name(
    tmp_path: Path, asked: str, hint: str
) -> None:
    with pytest.raises(Refused) as caught:
        Places(tmp_path, EMBEDDED, NAMES).check(asked)
    assert str(caught.value) == f"no enabled camera '{asked}' in config.py or config/config.yaml; {hint}"


def test_without_any_camera_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="known: none"):
        Places(tmp_path, EMBEDDED, ()).check("cam1")


def test_a_camera_that_is_configured_or_has_a_ring_here_is_there(tmp_path: Path) -> None:
    places = Places(tmp_path, EMBEDDED, NAMES)
    places.check("front")
    (tmp_path / "by_hand.ring").write_bytes(b"")
    places.check("by_hand")


def test_a_camera_of_another_host_can_not_be_known_here(tmp_path: Path) -> None:
    Places(tmp_path, EXTERNAL, NAMES).check("elsewhere")


@pytest.mark.parametrize(
    ("transport", "target", "ring_here", "expected"),
    [
        ("auto", EMBEDDED, False, "ring"),
        ("auto", EMBEDDED, True, "ring"),
        ("auto", EXTERNAL, False, "redis"),
        ("auto", EXTERNAL, True, "ring"),
        ("ring", EXTERNAL, False, "ring"),
        ("redis", EMBEDDED, True, "redis"),
    ],
)
def test_the_way_that_is_taken(
    tmp_path: Path, transport: str, target: RedisTarget, ring_here: bool, expected: str
) -> None:
    if ring_here:
        making.ring(tmp_path / "front.ring")[1].put(making.picture())
    places = Places(tmp_path, target, NAMES)
    stream = stream_for(places, "front", transport, SystemClock(), newest=False)
    if expected == "ring":
        stream.next_frame(0.0)  # `auto` looks where the frames are
    assert stream.name == expected
    stream.close()


def test_the_places_of_settings_are_those_of_the_enabled_cameras(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text("cameras: [{id: a}, {id: b, enabled: false}, {id: c}]\n")
    places = Places.of(load(tmp_path, {"GREENCAM_RUNTIME_DIR": "run"}))
    assert places.cameras == ("a", "c")
    assert places.runtime_dir == tmp_path / "run"
    assert places.redis.embedded
