"""Which setting concerns which process."""

from __future__ import annotations

from pathlib import Path

import pytest

from greencam.settings.load import load
from greencam.supervise import fingerprint
from greencam.supervise.table import process_table

SITE = "cameras: [{id: a, source: pattern}, {id: b, url: 'rtsp://u:old@10.0.0.9/1'}]\n"


def prints(root: Path, site: str = SITE, **environ: str) -> dict[str, str]:
    (root / "config").mkdir(exist_ok=True)
    (root / "config/config.yaml").write_text(site)
    settings = load(root, {f"GREENCAM_{name}": value for name, value in environ.items()})
    return {spec.name: spec.fingerprint for spec in process_table(settings)}


@pytest.mark.parametrize(
    ("site", "environ", "changed"),
    [
        (SITE, {}, set()),
        (SITE + "# a remark\n", {}, set()),
        (SITE.replace("old", "new"), {}, {"b"}),
        (SITE.replace("id: a", "id: a, fps: 5"), {}, {"a"}),
        (SITE + "storage: {every_s: 5}\n", {}, {"a", "b", "recorder"}),  # how often a frame is kept for it
        (SITE + "storage: {keep_days: 5}\n", {}, {"recorder"}),
        (SITE + "consumers: [{name: x, cameras: [a]}]\n", {}, {"a", "recorder"}),
        (SITE, {"IMAGES_DIR": "elsewhere"}, {"recorder"}),
        (SITE, {"LOG_ROTATION_SIZE": "1048576"}, set()),
        (SITE, {"CONNECTION_CHECK_INTERVAL": "7"}, set()),
        (SITE, {"METRICS_TEXTFILE": "a.prom", "METRICS_INTERVAL": "7"}, set()),
        (SITE, {"RING_SECONDS": "1"}, {"a", "b", "recorder"}),
        (SITE, {"FRAME_RATE": "7"}, {"a"}),
    ],
)
def test_who_starts_again(tmp_path: Path, site: str, environ: dict[str, str], changed: set[str]) -> None:
    before, after = prints(tmp_path), prints(tmp_path, site, **environ)
    assert {name for name in before if before[name] != after[name]} == changed


def test_a_camera_more_changes_the_recorder_and_no_other_camera(tmp_path: Path) -> None:
    before = prints(tmp_path)
    after = prints(tmp_path, SITE.replace("]", ", {id: c, source: pattern}]"))
    assert after.keys() - before.keys() == {"c"}
    assert (before["a"], before["b"]) == (after["a"], after["b"])
    assert before["recorder"] != after["recorder"]


def test_a_fingerprint_tells_no_secret(tmp_path: Path) -> None:
    assert "old" not in str(prints(tmp_path))


def test_what_only_a_new_start_takes_over_is_named(tmp_path: Path) -> None:
    assert fingerprint.of_supervisor(load(tmp_path, {"GREENCAM_LOG_LEVEL": "DEBUG"}))["log_level"] == "DEBUG"
