from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.capture.experience import CAUSE_WORDS, KEPT, Experience, ExperienceFile
from tests import making
from tests.fake_clock import FakeClock

small_disk = making.small_disk

Try = tuple[int, bool, float | None]  # rung, cured, seconds
causes = st.sampled_from([*CAUSE_WORDS, "crashed"])
tries = st.tuples(st.integers(1, 3), st.booleans(), st.none() | st.floats(0, 100))
histories = st.lists(tries, max_size=80)


def lived(history: Sequence[Try], cause: str = "timeout") -> Experience:
    made = Experience()
    for rung, cured, seconds in history:
        made = made.with_attempt(cause, rung, cured, seconds)
    return made


RETRY_FAILS: list[Try] = [(1, False, 5.0), (2, True, 1.8)]


# --- where the ladder begins --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("history", "default", "rung"),
    [
        ([], 1, 1),
        ([], 2, 2),
        ([], 3, 3),
        ([], 0, 1),
        ([], 9, 3),
        (RETRY_FAILS * 2, 1, 1),  # two failures may be chance
        (RETRY_FAILS * 3, 1, 2),  # the rung that has cured it before
        (RETRY_FAILS * 3, 3, 3),  # never below the default
        ([*RETRY_FAILS * 9, (1, True, 0.5)], 1, 1),  # its latest try cured: stayed with
        ([*RETRY_FAILS * 9, (1, True, 0.5), (1, False, 5.0)], 1, 2),
        ([(1, False, 5.0)] * 30, 1, 1),  # nothing has cured it: nothing is skipped
        ([*[(1, False, 5.0)] * 9, *[(2, False, 3.0)] * 9, (3, True, 4.0)], 1, 3),
        ([*[(2, False, 3.0)] * 9, (3, True, 4.0)], 1, 1),  # a rung that was never tried is no failure
        # Cheap tries that often cure are worth making first, dear ones that seldom do are not.
        ([(1, True, 0.5), (1, False, 0.5), (2, True, 4.0)] * 4, 1, 1),
        ([(1, True, 9.0), *[(1, False, 9.0), (2, True, 1.0)] * 4], 1, 2),
        (RETRY_FAILS * 3 + [(2, True, 1.8)] * 9, 1, 1),  # ten cures above since its last try: tried again
        (RETRY_FAILS * 3 + [(2, True, 1.8)] * 8, 1, 2),
    ],
)
def test_the_rung_to_begin_with(history: list[Try], default: int, rung: int) -> None:
    assert lived(history).starting_rung("timeout", default) == rung


def test_causes_are_told_apart() -> None:
    experience = lived(RETRY_FAILS * 5, "timeout")
    assert experience.starting_rung("timeout") == 2
    assert experience.starting_rung("buffer") == 1


@given(histories, st.integers(-2, 6))
def test_never_below_the_default_and_never_above_the_top(history: list[Try], default: int) -> None:
    rung = lived(history).starting_rung("timeout", default)
    assert min(max(default, 1), 3) <= rung <= 3


@given(histories, st.integers(1, 3))
def test_a_rung_is_only_passed_over_for_one_that_has_cured(history: list[Try], default: int) -> None:
    rung = lived(history).starting_rung("timeout", default)
    for passed in range(default, rung):
        outcomes = [cured for tried, cured, _ in history if tried == passed][-10:]
        assert outcomes.count(False) >= 3
        assert not outcomes[-1]
        assert any(cured for tried, cured, _ in history if tried > passed)


def climb(experience: Experience, cures: int) -> tuple[Experience, list[int]]:
    """One fault that only the rung `cures` ends: the rungs that were tried, the last of them with success."""
    tried = list(range(min(experience.starting_rung("timeout"), cures), cures + 1))
    for rung in tried:
        experience = experience.with_attempt("timeout", rung, rung == cures, 5.0 if rung < cures else 1.0)
    return experience, tried


@given(histories, st.integers(2, 3))
def test_a_lower_rung_is_tried_again_now_and_then(history: list[Try], cures: int) -> None:
    experience = lived(history)
    first: list[int] = []
    for _ in range(60):
        experience, tried = climb(experience, cures)
        first.append(tried[0])
    gaps = "".join("1" if rung == 1 else "." for rung in first)
    assert "." * 12 not in gaps, "tried again within a dozen faults"
    assert gaps[-24:].count("1") <= 4, "and seldom, as long as it does not help"


@given(histories)
def test_one_bad_week_is_not_remembered_for_ever(history: list[Try]) -> None:
    experience = lived(history)
    for _ in range(14):
        rung = experience.starting_rung("timeout")
        experience = experience.with_attempt("timeout", rung, True, 1.0)
    assert experience.starting_rung("timeout") == 1


# --- what is kept -------------------------------------------------------------------------------------------------


@given(histories, causes)
def test_it_comes_back_from_json_as_it_was(history: list[Try], cause: str) -> None:
    experience = lived(history, cause)
    assert Experience.from_dict(json.loads(json.dumps(experience.as_dict()))) == experience


def test_only_the_last_fifty_attempts_of_a_rung_count() -> None:
    experience = lived([(2, False, 1.0)] * 70 + [(2, True, 1.0)] * 30)
    assert len(experience.attempts[("timeout", 2)]) == KEPT
    assert experience.sentences() == ["restart stream cured 30 of 50 timeouts, median 1.0 s"]


def test_causes_that_nobody_foresaw_do_not_fill_the_memory() -> None:
    experience = Experience()
    for number in range(1000):
        experience = experience.with_attempt(f"{number} {'x' * 100}", 1, True, 1.0)
    assert len(experience.attempts) == 16
    assert max(len(cause) for cause, _ in experience.attempts) == 40
    assert min(int(cause.split()[0]) for cause, _ in experience.attempts) == 984


@pytest.mark.parametrize(
    ("history", "cause", "sentence"),
    [
        (
            [*[(2, True, 1.8)] * 11, (2, False, 5.0)],
            "timeout",
            "restart stream cured 11 of 12 timeouts, median 1.8 s",
        ),
        ([(1, True, 2.0)], "timeout", "retry cured 1 of 1 timeout, median 2.0 s"),
        ([(3, False, 9.0)] * 2, "disconnected", "replace worker cured 0 of 2 disconnections"),
        ([(3, True, 1.0), (3, True, 4.0)], "buffer", "replace worker cured 2 of 2 buffer errors, median 2.5 s"),
        ([(3, True, None)], "initialisation", "replace worker cured 1 of 1 failed start"),
        ([(1, False, None)] * 3, "hardware", "retry cured 0 of 3 hardware errors"),
        ([(1, True, 0.04)] * 3, "frozen", "retry cured 3 of 3 frozen pictures, median 0.0 s"),
        ([(1, True, 1.0)] * 2, "crashed", "retry cured 2 of 2 failures (crashed), median 1.0 s"),
    ],
)
def test_sentences_for_people(history: list[Try], cause: str, sentence: str) -> None:
    assert lived(history, cause).sentences() == [sentence]


def test_sentences_go_by_cause_and_rung() -> None:
    experience = lived([(3, True, 1.0), (1, False, 1.0)]).with_attempt("buffer", 2, True, 1.0)
    assert [sentence[:14] for sentence in experience.sentences()] == [
        "restart stream", "retry cured 0 ", "replace worker",
    ]  # fmt: skip


@pytest.mark.parametrize("rung", [0, 4, -1])
def test_there_are_three_rungs(rung: int) -> None:
    with pytest.raises(ValueError, match="none of 1 to 3"):
        Experience().with_attempt("timeout", rung, True)


@pytest.mark.parametrize(
    ("seconds", "kept"), [(float("nan"), None), (float("inf"), None), (-1.0, 0.0), (1e9, 86400.0), (1.23456, 1.235)]
)
def test_times_that_cannot_be_are_not_kept(seconds: float, kept: float | None) -> None:
    assert lived([(1, True, seconds)]).attempts[("timeout", 1)][0].seconds == kept


# --- the file -----------------------------------------------------------------------------------------------------


def on_disk(path: Path) -> Experience:
    return Experience.from_dict(json.loads(path.read_text()))


def test_a_cure_is_on_disk_at_once_and_failures_once_a_minute(tmp_path: Path) -> None:
    path, clock = tmp_path / "state" / "cam1.recoveries.json", FakeClock()
    memory = ExperienceFile(path, clock)
    memory.record("timeout", 1, False, 5.0)
    assert on_disk(path).count == 1
    memory.record("timeout", 1, False, 5.0)
    clock.now_s += 59
    memory.record("timeout", 1, False, 5.0)
    assert on_disk(path).count == 1
    clock.now_s += 2
    memory.record("timeout", 1, False, 5.0)
    assert on_disk(path).count == 4
    memory.record("timeout", 2, True, 1.8)
    assert on_disk(path).count == 5
    memory.record("timeout", 1, False, 5.0)
    memory.save()
    assert on_disk(path) == memory.experience
    assert memory.experience.count == 6


def test_the_next_start_knows_what_the_last_one_learned(tmp_path: Path) -> None:
    path = tmp_path / "cam1.recoveries.json"
    memory = ExperienceFile(path, FakeClock())
    for rung, cured, seconds in RETRY_FAILS * 4:
        memory.record("timeout", rung, cured, seconds)
    again = ExperienceFile(path, FakeClock(0.0))
    assert again.experience == memory.experience
    assert again.experience.starting_rung("timeout") == 2


def facts(**changed: object) -> bytes:
    return json.dumps({**lived(RETRY_FAILS).as_dict(), **changed}).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b"null", b"[]", b"\xff\xfe", b"[" * 200_000, b" " * 600_000,
        facts(version=2), facts(count=True), facts(count=1), facts(count=-1), facts(count=1e3), facts(causes=[]),
        facts(causes={"a": {"4": [[1, True, 1.0]]}}),
        facts(causes={"a": {"1": []}}),
        facts(causes={"a": {"1": [[1, 1, 1.0]]}}),
        facts(causes={"a": {"1": [[1, True, -1.0]]}}),
        facts(causes={"a": {"1": [[1, True, float("nan")]]}}),
        facts(causes={"a": {"1": [[1, True, float("inf")]]}}),
        facts(causes={"a": {"1": [[1, True, "1"]]}}),
        facts(causes={"a": {"1": [[1, True]]}}),
        facts(causes={"a": {"1": [[2, True, 1.0], [1, True, 1.0]]}}),
        facts(causes={"a" * 41: {"1": [[1, True, 1.0]]}}),
        facts(causes={"a\n": {"1": [[1, True, 1.0]]}}),
        facts(causes={str(n): {"1": [[1, True, 1.0]]} for n in range(17)}),
    ],
)  # fmt: skip
def test_a_file_that_holds_something_else_is_moved_aside(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "cam1.recoveries.json"
    path.write_bytes(data)
    memory = ExperienceFile(path, FakeClock())
    assert memory.experience == Experience()
    assert (tmp_path / "cam1.recoveries.json.broken").read_bytes() == data
    memory.record("timeout", 1, True, 1.0)
    assert on_disk(path) == memory.experience


def test_a_folder_in_its_place_is_moved_aside_too(tmp_path: Path) -> None:
    path = tmp_path / "cam1.recoveries.json"
    path.mkdir()
    ExperienceFile(path, FakeClock()).record("timeout", 1, True, 1.0)
    assert on_disk(path).count == 1


@given(data=st.binary(max_size=200))
def test_no_content_stops_a_camera(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("state") / "cam1.recoveries.json"
    path.write_bytes(data)
    ExperienceFile(path, FakeClock()).record("timeout", 1, True, 1.0)
    assert on_disk(path).count == 1


def test_a_full_disk_is_told_once_and_it_goes_on_in_memory(
    small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = small_disk / "cam1.recoveries.json"
    memory = ExperienceFile(path, FakeClock())
    blob = making.fill(small_disk)
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            memory.record("timeout", 2, True, 1.8)
    assert len(caplog.messages) == 1
    assert "No space left" in caplog.messages[0]
    assert memory.experience.count == 5
    blob.unlink()
    memory.record("timeout", 2, True, 1.8)
    assert on_disk(path).count == 6
