"""The text that Prometheus reads, by Prometheus' own library and tool."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from prometheus_client.parser import text_string_to_metric_families

from greencam import __version__
from greencam.telemetry import families as of
from greencam.telemetry.families import FAMILIES
from greencam.telemetry.metrics import exposition, registry_of
from greencam.telemetry.samples import Samples
from tests.telemetry.made_readings import everything


def test_the_text_can_be_read_back_with_every_figure() -> None:
    samples = everything()
    told = {
        (sample.name, tuple(sample.labels[label] for label in of_name[sample.name].labels)): sample.value
        for family in text_string_to_metric_families(exposition(lambda: samples))
        for sample in family.samples
    }
    wanted = {
        (family.name, labels): figure for family, found in samples.families() for labels, figure in found.items()
    }
    assert told == wanted
    assert {name for name, _ in told} == {family.name for family in FAMILIES}


of_name = {family.name: family for family in FAMILIES}


def test_every_family_says_what_it_is() -> None:
    text = exposition(everything)
    for family in FAMILIES:
        assert f"# HELP {family.name} {family.meaning}\n# TYPE {family.name} {family.kind}\n" in text


def test_the_version_is_always_told() -> None:
    (build,) = text_string_to_metric_families(exposition(Samples))
    assert build.samples[0].labels["version"] == __version__


def test_a_registry_asks_nobody_before_it_is_collected() -> None:
    asked = []

    def read() -> Samples:
        asked.append(1)
        return Samples()

    registry = registry_of(read)
    assert asked == []
    list(registry.collect())
    assert asked == [1]


def test_hostile_words_stay_one_label() -> None:
    samples = Samples()
    words = 'a"} 1\ngreencam_up 7\n#', "\\", "\x1b[31m"
    for word in words:
        samples.put(of.ISSUES, 1, word)
    (_, found) = text_string_to_metric_families(exposition(lambda: samples))
    assert sorted(sample.labels["type"] for sample in found.samples) == sorted(words)


def test_promtool_finds_nothing_to_say_about_the_text() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed: sudo scripts/debian-test-packages")
    done = subprocess.run(
        [promtool, "check", "metrics"], input=exposition(everything), capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
