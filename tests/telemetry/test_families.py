"""The declaration of metrics: names as Prometheus wants them, and the reference page that is made from it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from greencam.telemetry.families import FAMILIES, Family, Kind, reference

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/reference/metrics.md"
# https://prometheus.io/docs/concepts/data_model/ and …/practices/naming/
NAME = re.compile(r"greencam(_[a-z0-9]+)+")
LABEL = re.compile(r"[a-z][a-z_]*")
NO_BASE_UNIT = re.compile(r"_(ms|milliseconds|minutes|hours|kb|mb|megabytes|percent)(_total)?$")


def by_name(family: Family) -> str:
    return family.name


def test_no_two_families_have_one_name() -> None:
    assert len(FAMILIES) > 60
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)


@pytest.mark.parametrize("family", FAMILIES, ids=by_name)
def test_every_name_follows_the_conventions(family: Family) -> None:
    assert NAME.fullmatch(family.name)
    assert (family.kind is Kind.COUNTER) == family.name.endswith("_total")
    assert not NO_BASE_UNIT.search(family.name), "base units only: seconds, bytes, celsius, ratio"
    assert not family.name.endswith(("_sum", "_count", "_bucket")), "these belong to histograms"
    assert all(LABEL.fullmatch(label) for label in family.labels)
    assert family.meaning
    assert not family.meaning[0].isspace()
    assert "|" not in family.meaning, "it would break the table"


@pytest.mark.parametrize(
    ("name", "unit"),
    [("greencam_frame_age_seconds", "seconds"), ("greencam_x_seconds_total", "seconds"), ("greencam_up", "")],
)
def test_the_unit_is_the_end_of_the_name(name: str, unit: str) -> None:
    assert Family(name, Kind.GAUGE, (), "x").unit == unit


def test_the_reference_page_holds_exactly_these_families() -> None:
    assert reference() in PAGE.read_text(), "write it anew: ./run.sh metrics --families"
