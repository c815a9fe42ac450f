from __future__ import annotations

import json

import pytest

from greencam.telemetry.checks.report import Report, Section
from greencam.telemetry.checks.verdict import Check, Verdict


def report(*verdicts: Verdict) -> Report:
    sections = {
        f"part{n}": Section({"fact": n}, (Check(f"part{n}", "x", n, v, "so"),)) for n, v in enumerate(verdicts)
    }
    return Report(sections, 1_700_000_000.5, 0.1234, True)


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ((), 0),
        ((Verdict.OK, Verdict.UNKNOWN), 0),
        ((Verdict.OK, Verdict.WARNING), 1),
        ((Verdict.CRITICAL, Verdict.WARNING), 2),
    ],
)
def test_the_exit_code_is_that_of_the_worst(verdicts: tuple[Verdict, ...], code: int) -> None:
    assert report(*verdicts).exit_code == code


def test_the_json_has_a_section_each_with_its_verdict_and_the_flat_list() -> None:
    facts = json.loads(json.dumps(report(Verdict.OK, Verdict.WARNING).as_dict()))
    assert (facts["status"], facts["exit_code"], facts["running"], facts["took_s"]) == ("warning", 1, True, 0.123)
    assert facts["part0"] == {"fact": 0, "status": "ok"}
    assert facts["part1"] == {"fact": 1, "status": "warning"}
    assert [check["verdict"] for check in facts["checks"]] == ["ok", "warning"]
    assert facts["time"].endswith("00.500+00:00") or len(facts["time"]) == len("2023-11-14T22:13:20.500+00:00")
