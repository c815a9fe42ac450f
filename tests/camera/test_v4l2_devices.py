"""Which device is which: the list, and the camera that comes back under another node."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from greencam.base.clock import SystemClock
from greencam.base.errors import CameraUnavailable
from greencam.camera.source import CameraSpec, Opened
from greencam.camera.v4l2 import V4l2Source
from greencam.camera.v4l2_devices import DeviceNode, Identity, find_devices
from tests.camera.dev_tree import dev_tree, link
from tests.camera.test_v4l2 import FakeDevice, Webcam, library_of


def test_devices_are_listed_by_their_stable_names_and_without_metadata_nodes(tmp_path: Path) -> None:
    root = dev_tree(tmp_path)
    assert find_devices(root) == [
        DeviceNode(root / "v4l/by-id/usb-Acme_Cam_42-video-index0", root / "video2"),
        DeviceNode(root / "v4l/by-path/pci-0:2-video-index0", root / "video0"),
        DeviceNode(root / "video10", root / "video10"),
    ]


def test_without_udev_the_nodes_themselves_are_listed_in_order(tmp_path: Path) -> None:
    for name in ("video10", "video2", "video-codec", "null"):
        (tmp_path / name).touch()
    assert [device.name.name for device in find_devices(tmp_path)] == ["video2", "video10"]


def test_a_link_to_an_unplugged_camera_is_not_listed(tmp_path: Path) -> None:
    root = dev_tree(tmp_path)
    (root / "video2").unlink()
    assert root / "video2" not in [device.node for device in find_devices(root)]


# --- the same camera again ----------------------------------------------------------------------------------------

ACME = "by-id/usb-Acme_Cam_42-video-index0"
LEFT, RIGHT = "usb-0000:00:14.0-1", "usb-0000:00:14.0-2"


class Rack:
    """Cameras in the sockets of a machine: by number of their node, with a by-id name or without."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.webcams: list[Webcam] = []
        self._nodes: dict[Path, Webcam] = {}

    def node(self, number: int) -> Path:
        return self.root / f"video{number}"

    def plug(self, webcam: Webcam, number: int, by_id: str = "") -> Webcam:
        self.node(number).touch()
        if by_id:
            link(self.root, by_id, number)
        self._nodes[self.node(number)] = webcam
        if all(webcam is not each for each in self.webcams):
            self.webcams.append(webcam)
        return webcam

    def unplug(self, number: int, by_id: str = "") -> None:
        self.node(number).unlink()
        del self._nodes[self.node(number)]
        if by_id:
            (self.root / "v4l" / by_id).unlink()

    def open(self, address: str | int, identity: str = "") -> Opened:
        """Open by node number or whole address; closed again afterwards, as a worker that is replaced does."""
        wanted = str(self.node(address)) if isinstance(address, int) else address
        spec = CameraSpec("usb", "v4l2", wanted, width=64, height=48, identity=identity)
        camera = V4l2Source(spec, SystemClock(), lambda: library_of(self._device), self.root)
        try:
            return camera.open()
        finally:
            camera.close()
            assert [webcam.opened for webcam in self.webcams] == [0] * len(self.webcams)

    def _device(self, path: str) -> FakeDevice:
        if Path(path).resolve() not in self._nodes:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        return FakeDevice(self._nodes[Path(path).resolve()], path)


@pytest.fixture
def rack(tmp_path: Path) -> Iterator[Rack]:
    made = Rack(tmp_path)
    yield made
    for webcam in made.webcams:
        os.close(webcam.ready)


def acme(bus: str = LEFT, **facts: Any) -> Webcam:
    return Webcam(card="Acme Cam", bus=bus, **facts)


def other(bus: str = RIGHT) -> Webcam:
    return Webcam(card="Other Cam", bus=bus)


def moves(opened: Opened) -> list[str]:
    """What it says of another node or another camera."""
    return [note for note in opened.notes if "came back" in note or "another camera" in note]


def test_the_same_camera_at_the_same_node_needs_no_word(rack: Rack) -> None:
    rack.plug(acme(), 0, ACME)
    first = rack.open(0)
    again = rack.open(0, first.identity)
    assert moves(first) == moves(again) == []
    assert first.identity == again.identity != ""


@pytest.mark.parametrize("by_id", [ACME, ""])
@pytest.mark.parametrize("taken", [False, True], ids=["node gone", "another camera at the node"])
def test_a_camera_that_came_back_under_another_node_is_found(rack: Rack, by_id: str, taken: bool) -> None:
    rack.plug(acme(), 0, by_id)
    before = rack.open(0)
    rack.unplug(0, by_id)
    if taken:
        rack.plug(other(), 0)
    rack.plug(other(), 1)
    rack.plug(acme(), 2, by_id)
    again = rack.open(0, before.identity)
    assert moves(again) == [f"came back as {rack.node(2)}"]
    assert Identity.from_text(again.identity) == Identity.from_text(before.identity)


def test_with_a_name_of_its_own_it_is_found_in_another_socket(rack: Rack) -> None:
    rack.plug(acme(LEFT), 0, ACME)
    before = rack.open(0)
    rack.unplug(0, ACME)
    rack.plug(acme(RIGHT), 3, ACME)
    assert moves(rack.open(0, before.identity)) == [f"came back as {rack.node(3)}"]


def test_before_udev_has_named_it_it_is_known_by_model_and_socket(rack: Rack) -> None:
    rack.plug(acme(), 0, ACME)
    before = rack.open(0)
    rack.unplug(0, ACME)
    rack.plug(acme(), 4)
    assert moves(rack.open(0, before.identity)) == [f"came back as {rack.node(4)}"]


def test_its_second_node_for_metadata_is_not_taken_for_it(rack: Rack) -> None:
    rack.plug(acme(), 0)
    before = rack.open(0)
    rack.unplug(0)
    rack.plug(acme(capture=False), 1)
    rack.plug(acme(), 2)
    assert moves(rack.open(0, before.identity)) == [f"came back as {rack.node(2)}"]


def test_another_camera_at_the_node_is_taken_and_told_when_the_old_one_is_nowhere(rack: Rack) -> None:
    rack.plug(acme(), 0, ACME)
    before = rack.open(0)
    rack.unplug(0, ACME)
    rack.plug(other(), 0)
    now = rack.open(0, before.identity)
    assert moves(now) == [f"another camera than before: Other Cam at {RIGHT}, before Acme Cam at {LEFT}"]
    assert moves(rack.open(0, now.identity)) == []  # by then it is the one that was seen last


def test_a_twin_in_another_socket_is_not_taken_for_it_without_a_word(rack: Rack) -> None:
    rack.plug(acme(LEFT), 0)
    before = rack.open(0)
    rack.unplug(0)
    rack.plug(acme(RIGHT), 0)
    assert "another camera than before" in moves(rack.open(0, before.identity))[0]


def test_absent_everywhere_is_absent(rack: Rack) -> None:
    rack.plug(acme(), 0, ACME)
    before = rack.open(0)
    rack.unplug(0, ACME)
    rack.plug(other(), 1)
    with pytest.raises(CameraUnavailable) as caught:
        rack.open(0, before.identity)
    assert caught.value.cause == "absent"


def test_a_camera_that_is_there_but_busy_is_not_replaced_by_another(rack: Rack) -> None:
    mine = rack.plug(acme(), 0, ACME)
    before = rack.open(0)
    rack.unplug(0, ACME)
    rack.plug(other(), 0)
    rack.plug(mine, 2, ACME)
    mine.errors["open"] = errno.EBUSY
    with pytest.raises(CameraUnavailable) as caught:
        rack.open(0, before.identity)
    assert caught.value.cause == "busy"


def test_a_stranger_that_can_not_be_asked_does_not_matter(rack: Rack) -> None:
    rack.plug(acme(), 0)
    before = rack.open(0)
    rack.unplug(0)
    rack.plug(other(), 1).errors["open"] = errno.EACCES
    rack.plug(other(), 2).errors["querycap"] = errno.ENODEV
    rack.plug(acme(), 3)
    assert moves(rack.open(0, before.identity)) == [f"came back as {rack.node(3)}"]


def test_without_an_address_the_camera_of_before_is_preferred_to_the_first(rack: Rack) -> None:
    rack.plug(acme(), 2)
    before = rack.open("")
    rack.plug(other(), 0)
    assert rack.open("", before.identity).device == str(rack.node(2))
    rack.unplug(2)
    now = rack.open("", before.identity)
    assert now.device == str(rack.node(0))
    assert "another camera than before" in moves(now)[0]


def test_a_by_id_address_needs_no_identity_and_survives_one(rack: Rack) -> None:
    rack.plug(acme(), 0, ACME)
    address = str(rack.root / "v4l" / ACME)
    before = rack.open(address)
    rack.unplug(0, ACME)
    rack.plug(acme(), 5, ACME)
    assert moves(rack.open(address, before.identity)) == []
    rack.unplug(5, ACME)
    rack.plug(acme(), 6)  # udev is slow
    assert moves(rack.open(address, before.identity)) == [f"came back as {rack.node(6)}"]


@pytest.mark.parametrize("identity", ["", "{}", "[1]", "nonsense", '{"by_id": "x"}'])
def test_an_identity_that_is_none_is_as_good_as_none(rack: Rack, identity: str) -> None:
    rack.plug(acme(), 0)
    assert moves(rack.open(0, identity)) == []


def test_a_driver_that_tells_no_text_can_be_opened(rack: Rack) -> None:
    class Mute(Webcam):
        @property
        def bus(self) -> str:
            return b"\xff".decode()

        @bus.setter
        def bus(self, value: str) -> None: ...

    rack.plug(Mute(), 0)
    assert Identity.from_text(rack.open(0).identity) == Identity("", "Acme Cam", "")


def test_the_identity_goes_the_way_to_the_worker() -> None:
    spec = CameraSpec("usb", "v4l2", "/dev/video0", identity=Identity("a", "b", "c").text)
    assert CameraSpec.from_json(spec.to_json()) == spec
