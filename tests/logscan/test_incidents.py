"""Incidents: planted ones are found in two made days; what belongs together; what is told; storms stay bounded."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.logscan import log_files
from greencam.logscan.analysis import Analysis
from greencam.logscan.blocks import Window
from greencam.logscan.entry import Entry, Kind
from greencam.logscan.incidents import Incidents
from greencam.logscan.moments import of_text
from tests.logscan import made_days, other_days

START_S = 1_795_500_000.0


def line(after_s: float, message: str, level: str = "WARNING", name: str = "cam1", times: int = 1) -> Entry:
    at_s = START_S + after_s
    until_s = at_s + times if times > 1 else None
    log = "logs/camera_system.log"
    return Entry(at_s, level, "cam1_stream", name, "", Kind.TEXT, message, None, log, "", times, until_s)


def failed(after_s: float, camera: str = "cam1", cause: str = "timeout") -> Entry:
    text = f"CAMERA_ISSUE: capture_failure {camera}: no frame for 5 s ({cause}); replacing the worker now"
    return line(after_s, text, name=camera)


def marked(after_s: float, kind: Kind, level: str = "WARNING", **facts: Any) -> Entry:
    log = "logs/camera_system.log"
    return Entry(START_S + after_s, level, "cam1_stream", "cam1", "", kind, str(facts), facts, log)


def cured(after_s: float, camera: str = "cam1", rung: str = "replace worker", cause: str = "timeout") -> Entry:
    text = f"successful recovery of {camera} ({cause}): {rung} cured it in 1.3 s, 1.3 s after the first failure"
    return line(after_s, f"CAMERA_RECOVERY: {text}", name=camera)


def health(after_s: float, **figures: float) -> Entry:
    facts = {"metric": "system_health", "value": figures, "unit": None}
    at_s = START_S + after_s
    return Entry(at_s, "INFO", "", "", "", Kind.PERF, "system_health", facts, "logs/performance.log")


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def found(*entries: Entry) -> list[dict[str, Any]]:
    incidents = Incidents()
    for entry in entries:
        incidents.take(entry)
    told: list[dict[str, Any]] = incidents.result()["list"]
    return told


@pytest.mark.parametrize("seed", range(6))
def test_all_planted_incidents_are_found_and_at_most_one_that_was_not_planted(seed: int, tmp_path: Path) -> None:
    days, planted = made_days.make(seed)
    days.write(tmp_path)
    incidents = Incidents()
    Analysis(log_files.in_folder(tmp_path / "logs", tmp_path), Window(), lambda _: None).run([incidents])
    score = made_days.score(planted, incidents.result()["list"], of_text)
    assert [one.kind for one in score.missed] == []
    assert len(score.false) <= 1
    for one, match in score.hits:
        told = " ".join([match["verdict"], *match["before"]])
        assert [word for word in one.words if word not in told] == [], told
    assert [one["count"] > 6 for one in incidents.result()["chronic"]] == [True]


@pytest.mark.parametrize("seed", range(3))
def test_so_they_are_in_logs_of_somebody_who_did_not_know_the_rules(seed: int, tmp_path: Path) -> None:
    """Nights, planned restarts and a Redis that is slow once are in them, too."""
    planted = other_days.make(tmp_path / "logs", seed)
    incidents = Incidents()
    Analysis(log_files.in_folder(tmp_path / "logs", tmp_path), Window(), lambda _: None).run([incidents])
    starts = [of_text(one["start"]) for one in incidents.result()["list"]]
    missed, false = other_days.unmatched(planted, starts)
    assert missed == []
    assert false <= 1


@pytest.mark.parametrize(
    ("entries", "verdict"),
    [
        (
            [entry for n in range(4) for entry in (failed(60.0 * n), cured(60.0 * n + 1.5))],
            "cam1 hung 4 times, dark for 6.0 s in all; a new worker cured it",
        ),
        (
            [failed(0, cause="crashed"), cured(2, rung="replace worker")],
            "cam1 had its driver crash, dark for 2.0 s",
        ),
        (
            [
                marked(0, Kind.CONNECTION, service="camera", status=False, details={"cause": "disconnected"}),
                marked(0, Kind.ISSUE, issue_type="camera_connection_failed", context={"cause": "disconnected"}),
                failed(0, cause="disconnected"),
                marked(40, Kind.CONNECTION, service="camera", status=True, details={}),
                cured(40, cause="disconnected"),
            ],
            "cam1 was disconnected, dark for 40 s in all; a new worker cured it",
        ),
        (
            [
                marked(0, Kind.CONNECTION, service="redis", status=False, details={"cause": "refused"}),
                marked(0, Kind.ISSUE, issue_type="redis_connection_failed", message="refused", severity="WARNING"),
                marked(12, Kind.CONNECTION, service="redis", status=True, details={}),
            ],
            "Redis was gone for 12 s; 1 camera waited",
        ),
        (
            [
                line(0, "Redis can't be reached: refused; capture goes on, retrying"),
                failed(24, "cam2", "disconnected"),
                cured(40, "cam2", cause="disconnected"),
            ],
            "not back by the end of these lines; 1 camera waited, nothing is reported lost; cam2 was disconnected",
        ),
        ([line(0, "cam1 takes too much: 700 MB; replacing it", "ERROR")], "cam1 ended (it took too much) and was"),
        ([failed(0), failed(9)], "cam1 hung; not cured by the end of these lines"),
        (
            [
                line(0, "redis ended with SIGKILL; back in 0.5 s", name=""),
                line(0.1, "Redis can't be reached: refused; capture goes on, retrying", name="cam1"),
                line(0.2, "Redis can't be reached: refused; capture goes on, retrying", name="cam2"),
                line(41, "connected to embedded Redis (Valkey 9.1.2)", "INFO", "cam1"),
                line(41, "connected to embedded Redis (Valkey 9.1.2)", "INFO", "cam2"),
            ],
            "Redis was gone for 41 s (SIGKILL); 2 cameras waited, nothing is reported lost",
        ),
        (
            [
                line(0, "redis: Redis can't be reached; capture goes on, retrying", name="cam1"),
                line(9, "ALERT: 120 frames for archive are given up, 120 in all", "ERROR", "cam1"),
                line(30, "connected to Redis", "INFO", "cam1"),
            ],
            "Redis was gone for 30 s; 1 camera waited, 120 frames were lost",
        ),
        ([line(0, "recorder ended with SIGSEGV; back in 0.5 s")], "recorder ended (SIGSEGV) and was started again"),
        ([line(0, "recorder gave no sign of work for 15 s; replacing it", "ERROR")], "recorder hung for 15 s"),
        ([line(0, "a word that nobody knows", "ERROR")], "cam1_stream: 1 error, a word that nobody knows"),
    ],
)
def test_a_verdict_is_a_sentence_in_the_users_words(entries: list[Entry], verdict: str) -> None:
    (only,) = found(*entries)
    assert verdict in only["verdict"]


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [line(0, "something odd"), line(500, "something else")],
        [failed(0), cured(0.4, rung="retry")],
        [line(0, "capture itself did not run for 1.2 s; not the camera's fault")],
        [line(0, "settings read anew: recorder starts again", "INFO")],
        [line(0, "CAMERA_ISSUE: capture_failure cam1: 9.0 fps where 30 are wished (slow)")],
    ],
)
def test_what_is_no_incident(entries: list[Entry]) -> None:
    assert found(*entries) == []


def test_two_cameras_that_fail_in_the_same_minute_are_one_incident() -> None:
    (only,) = found(failed(0, "cam1"), failed(20, "cam2"), cured(50, "cam1"), cured(55, "cam2"))
    assert only["verdict"].startswith("cam1 and cam2 hung together")
    assert only["names"] == ["cam1", "cam2"]


def test_what_begins_much_later_is_another_incident_though_the_first_still_lasts() -> None:
    black = line(0, "CAMERA_ISSUE: capture_failure cam1: the picture is black since 5 s (black)")
    first, second = found(black, line(4000, "recorder ended with SIGSEGV; back in 0.5 s", name=""))
    assert (first["trouble"], first["end"]) == ("picture", None)
    assert second["trouble"] == "process"


def test_a_camera_that_hangs_while_its_picture_is_black_is_an_incident_of_its_own() -> None:
    black = line(0, "CAMERA_ISSUE: capture_failure cam1: the picture is black since 5 s (black)")
    light = line(9000, "the picture is not black any more", "INFO")
    told = found(black, failed(4000), cured(4002), light)
    assert [one["trouble"] for one in told] == ["picture", "camera"]


def test_an_error_that_keeps_coming_may_still_come_as_a_storm() -> None:
    drops = [line(3600.0 * hour, f"thumbnail {hour} could not be made", "ERROR") for hour in range(12)]
    storm = [line(45_000 + n, f"thumbnail {n} could not be made", "ERROR") for n in range(300)]
    assert [one["lines"] for one in found(*drops, *storm)] == [300]


def test_the_same_kind_again_is_numbered() -> None:
    told = found(failed(0), cured(2), failed(5000), cured(5002), failed(9000), cured(9002))
    assert [one["repeat"] for one in told] == [1, 2, 3]


def test_what_changed_in_the_ten_minutes_before_is_told() -> None:
    cool = [health(60.0 * n, temperature_c=52.0, memory_percent=40.0) for n in range(60)]
    warm = [health(3600.0 + 60 * n, temperature_c=52.0 + 3 * n, memory_percent=40.0) for n in range(10)]
    reload = line(3700, "settings read anew: cam1 starts again with new settings", "INFO", "")
    (only,) = found(*cool, *warm, reload, failed(4200), cured(4202))
    assert only["before"][0].endswith("before: settings read anew: cam1 starts again with new settings")
    assert any(text.startswith("temperature rose from 52 to 7") for text in only["before"])
    assert not any("memory" in text for text in only["before"])


def test_silence_without_a_stop_is_an_incident_and_after_one_it_is_not() -> None:
    def beats(since_s: float) -> list[Entry]:
        return [health(since_s + 60.0 * n, temperature_c=50.0) for n in range(20)]

    (cut,) = found(*beats(0), *beats(2000))
    assert cut["trouble"] == "silence"
    assert found(*beats(0), line(1141, "everything is stopped", "INFO", ""), *beats(2000)) == []


def test_an_error_that_keeps_coming_one_by_one_is_a_condition_and_no_incident() -> None:
    incidents = Incidents()
    for hour in range(12):
        incidents.take(line(3600.0 * hour, f"thumbnail {hour} could not be made", "ERROR"))
    told = incidents.result()
    assert told["list"] == []
    assert [(one["template"], one["count"]) for one in told["chronic"]] == [("thumbnail <*> could not be made", 12)]


def test_a_storm_is_one_incident() -> None:
    (only,) = found(*(line(0.01 * n, f"write {n} failed", "ERROR") for n in range(20_000)))
    assert only["lines"] == 20_000


def test_a_collapsed_line_counts_as_often_as_it_stands_for() -> None:
    (only,) = found(line(0, "write failed", "ERROR", times=500))
    assert (only["lines"], only["seconds"]) == (500, 500.0)


def test_a_storm_of_a_hundred_thousand_different_lines_takes_bounded_memory() -> None:
    incidents = Incidents()

    def feed(begin: int, end: int) -> None:
        for n in range(begin, end):
            camera = f"cam{n}"
            incidents.take(failed(200.0 * n, camera) if n % 2 else line(200.0 * n, f"{camera} x{n} broke", "ERROR"))

    feed(0, 20_000)
    before = resident_bytes()
    feed(20_000, 100_000)
    assert resident_bytes() - before < 16 * 2**20
    told = incidents.result()
    assert len(told["list"]) <= 200
    assert told["dropped"] > 0


@given(st.lists(st.tuples(st.floats(0, 1e5), st.sampled_from(["ERROR", "WARNING", "INFO"]), st.text(max_size=60))))
def test_any_lines_make_incidents_that_hold_their_own_times(lines: list[tuple[float, str, str]]) -> None:
    for one in found(*(line(at_s, text, level) for at_s, level, text in lines)):
        assert one["seconds"] >= 0
        assert one["verdict"]
        assert one["lines"] >= 1


def black(after_s: float, camera: str = "cam1") -> Entry:
    text = (
        f"CAMERA_ISSUE: capture_failure {camera}: the picture is black since 5 s: lens cap, light, cable? (black)"
    )
    return line(after_s, text, name=camera)


def bright(after_s: float, camera: str = "cam1") -> Entry:
    return line(after_s, "the picture is not black any more", "INFO", camera)


def test_nights_are_told_together_and_are_no_incidents() -> None:
    """A camera without light of its own is black every night; the last night may not be over yet."""
    hour_s = 3600.0
    incidents = Incidents()
    for entry in (
        *(black(0), bright(11 * hour_s), black(24 * hour_s)),
        *(black(2 * hour_s, "door"), bright(3 * hour_s, "door"), line(25 * hour_s, "all is well", "INFO")),
    ):
        incidents.take(entry)
    told = incidents.result()
    assert [one["verdict"] for one in told["list"]] == ["The picture of door was black for 1 h"]
    (night,) = told["dark"]
    assert (night["camera"], night["times"], night["longest_seconds"]) == ("cam1", 2, 11 * hour_s)
    assert night["ongoing"]


def test_a_black_picture_that_is_slow_meanwhile_is_black_until_its_end() -> None:
    """Each state of a picture has an end of its own."""
    slow = line(1800, "CAMERA_ISSUE: capture_failure cam1: pictures come slowly (slow)")
    told = found(black(0), slow, bright(7200))
    assert [one["verdict"] for one in told] == ["The picture of cam1 was black for 2 h"]


def redis(after_s: float, *, up: bool) -> Entry:
    return marked(after_s, Kind.CONNECTION, service="redis", status=up, details={})


@pytest.mark.parametrize(
    ("entries", "count"),
    [
        ([redis(0, up=False), redis(0.6, up=True)], 0),
        ([redis(0, up=False), redis(4.0, up=True)], 1),
        ([line(0, "everything is stopped", "INFO"), redis(3, up=False), redis(9, up=True)], 0),
        ([line(0, "everything is stopped", "INFO"), redis(3, up=False), redis(90, up=True)], 1),
        ([line(0, "everything is stopped", "INFO"), redis(60, up=False), redis(66, up=True)], 1),
        ([line(0, "everything is stopped", "INFO"), redis(3, up=False)], 1),
    ],
)
def test_a_blink_of_redis_and_a_start_before_it_are_no_incidents(entries: list[Entry], count: int) -> None:
    """What is over within two seconds, or within thirty of a new start, costs nobody a frame."""
    assert len(found(*entries)) == count
