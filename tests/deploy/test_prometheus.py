"""deploy/prometheus and deploy/grafana: every expression can be parsed, and names only figures that there are."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from greencam.telemetry.families import FAMILIES

# promtool plays days of every rule: seconds of work, a minute on a crowded machine, and at most its own 300 s.
pytestmark = pytest.mark.timeout(400)

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
RULES = DEPLOY / "prometheus/greencam.rules.yml"
RULES_TEST = DEPLOY / "prometheus/greencam.rules_test.yml"
DASHBOARD = DEPLOY / "grafana/greencam.json"
LABELS = {family.name: {*family.labels, "instance", "job"} for family in FAMILIES}
# Prometheus' own figure of what its rules say, with the labels of whatever they are about.
LABELS["ALERTS"] = {"alertname", "alertstate", "severity", "__name__"}.union(*LABELS.values())
# Grafana puts these in before Prometheus sees the expression.
GRAFANA = {"$__rate_interval": "5m", "$__range": "1h", "$instance": "box", "$camera": "cam1"}


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    return [*found, *(inner for panel in found for inner in panel.get("panels", []))]


def expressions() -> Iterator[tuple[str, str]]:
    """Everything that is asked of Prometheus, with the name of who asks."""
    for rule in rules():
        yield rule["alert"], rule["expr"]
    for panel in panels():
        for target in panel.get("targets", []):
            yield f"{panel['title']} {target['refId']}", target["expr"]
    for note in json.loads(DASHBOARD.read_text())["annotations"]["list"]:
        if "expr" in note:
            yield note["name"], note["expr"]


def parts(node: Any) -> Iterator[Any]:
    """This node of a parsed expression and everything below it."""
    yield node
    for name in ("expr", "lhs", "rhs", "vs", "vector_selector", "param"):
        below = getattr(node, name, None)
        if below is not None and not isinstance(below, int | float | str):
            yield from parts(below)
    for below in getattr(node, "args", None) or ():
        yield from parts(below)


def used(expression: str) -> dict[str, set[str]]:
    """Names of figures in an expression, each with the labels that it is chosen by."""
    for name, value in GRAFANA.items():
        expression = expression.replace(name, value)
    found: dict[str, set[str]] = {}
    for part in parts(promql_parser.parse(expression)):
        if isinstance(part, promql_parser.VectorSelector):
            chosen = found.setdefault(str(part.name), set())
            chosen |= {matcher.name for matcher in part.matchers.matchers}
    return found


def grouped(expression: str) -> set[str]:
    """Labels in `by (…)`, `on (…)`, `ignoring (…)` and `without (…)`."""
    lists = re.findall(r"\b(?:by|on|ignoring|without)\s*\(([^)]*)\)", expression)
    return {label.strip() for text in lists for label in text.split(",") if label.strip()}


def wrong(expression: str) -> list[str]:
    """What is wrong with an expression, a sentence each."""
    try:
        found = used(expression)
    except ValueError as error:
        return [f"can't be parsed: {error}"]
    problems = [f"there is no {name}" for name in found if name not in LABELS]
    for name, chosen in found.items():
        problems += [f"{name} has no label {label}" for label in chosen - LABELS.get(name, chosen)]
    known: set[str] = set().union(*(LABELS.get(name, set()) for name in found))
    return problems + [f"nothing in it has the label {label}" for label in grouped(expression) - known]


ALL = list(expressions())


def test_there_is_something_to_check() -> None:
    assert len(rules()) > 25
    assert len(ALL) > 80


@pytest.mark.parametrize(("who", "expression"), ALL, ids=[who for who, _ in ALL])
def test_an_expression_asks_for_figures_and_labels_that_there_are(who: str, expression: str) -> None:
    assert wrong(expression) == []


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("greencam_upp == 0", "there is no greencam_upp"),
        ("rate(greencam_frames[5m])", "there is no greencam_frames"),
        ('greencam_up{camera="a"}', "greencam_up has no label camera"),
        ("sum by (camera) (greencam_up)", "nothing in it has the label camera"),
        ("greencam_up == 0 and on (process) greencam_redis_up == 1", "nothing in it has the label process"),
        ("max(predict_linear(greencam_spool[5m], 60)) > 1", "there is no greencam_spool"),
        ("sum(rate(greencam_frames_total))", "can't be parsed"),
        ("greencam_up ==", "can't be parsed"),
    ],
)
def test_a_mistake_is_found(expression: str, problem: str) -> None:
    assert any(problem in found for found in wrong(expression)), wrong(expression)


def test_every_figure_is_on_the_dashboard_or_in_a_rule_or_only_tells_more_of_one() -> None:
    asked = {name for _, expression in ALL for name in used(expression)}
    # Figures for people who look into one thing; the reference page explains them like all others.
    details = {
        "greencam_build_info", "greencam_supervisor_uptime_seconds", "greencam_camera_answers",
        "greencam_frames_total", "greencam_stream_epoch", "greencam_camera_redis_connected",
        "greencam_frames_encoded_total",
        "greencam_delivery_frames_sent_total", "greencam_spool_frames", "greencam_consumer_lag_frames",
        "greencam_consumer_lag_bytes", "greencam_redis_master", "greencam_redis_uptime_seconds",
        "greencam_machine_throttled_since_boot", "greencam_machine_uptime_seconds",
    }  # fmt: skip
    assert asked & details == set(), "no detail any more"
    assert {family.name for family in FAMILIES} - asked == details


# --- rules ------------------------------------------------------------------------------------------------------


def test_alerts_have_names_of_their_own_severities_and_words() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names)
    for rule in rules():
        assert rule["alert"].startswith("Greencam")
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"].keys() == {"summary", "description"}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_names_labels_only_that_it_will_have(rule: dict[str, Any]) -> None:
    told = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
    kept = grouped(rule["expr"]) if rule["expr"].lstrip().startswith(("sum by", "count by")) else None
    there = kept or set().union(*(LABELS[name] for name in used(rule["expr"])))
    assert "instance" in told, "which machine?"
    assert told <= there


def test_the_guide_names_every_alert_and_no_other() -> None:
    page = (DEPLOY.parent / "docs/guide/metrics.md").read_text()
    assert set(re.findall(r"`(Greencam\w+)`", page)) == {rule["alert"] for rule in rules()}


def test_every_alert_has_a_scenario_in_which_it_fires() -> None:
    fires = re.findall(r'alertname="(\w+)"', RULES_TEST.read_text())
    assert {rule["alert"] for rule in rules()} == set(fires)


def promtool(*words: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not installed: sudo scripts/debian-test-packages")
    return subprocess.run([program, *words], capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize(
    "words",
    [("check", "rules", str(RULES)), ("check", "config", str(RULES.with_name("prometheus.yml")))],
    ids=["rules", "config"],
)
def test_promtool_accepts_them(words: tuple[str, ...]) -> None:
    done = promtool(*words)
    assert done.returncode == 0, done.stderr


def test_promtool_finds_that_alerts_fire_when_they_should_and_at_no_other_time() -> None:
    done = promtool("test", "rules", str(RULES_TEST))
    assert done.returncode == 0, done.stderr


def test_a_rule_that_says_something_else_fails_its_scenario(tmp_path: Path) -> None:
    changed = RULES.read_text().replace("greencam_camera_stale == 1", "greencam_camera_stale == 0")
    assert changed != RULES.read_text()
    (tmp_path / RULES.name).write_text(changed)
    (tmp_path / RULES_TEST.name).write_text(RULES_TEST.read_text())
    done = promtool("test", "rules", str(tmp_path / RULES_TEST.name))
    assert done.returncode != 0
    assert "GreencamCameraStale" in done.stdout + done.stderr


# --- dashboard --------------------------------------------------------------------------------------------------


def test_the_dashboard_can_be_imported_anywhere() -> None:
    board = json.loads(DASHBOARD.read_text())
    assert board["uid"] == "greencam"
    variables = {one["name"]: one for one in board["templating"]["list"]}
    assert list(variables) == ["datasource", "instance", "camera"]
    assert variables["datasource"]["type"] == "datasource"
    assert "id" not in board, "that is a number of somebody's database"
    for panel in panels():
        sources = [panel, *panel.get("targets", [])] if panel["type"] != "row" else []
        assert all(one["datasource"] == {"type": "prometheus", "uid": "${datasource}"} for one in sources)


def test_the_variables_choose_among_what_there_is() -> None:
    for one in json.loads(DASHBOARD.read_text())["templating"]["list"][1:]:
        (inner, label) = re.fullmatch(r"label_values\((.+), (\w+)\)", one["definition"]).groups()  # type: ignore[union-attr]
        assert wrong(inner) == []
        assert all(label in LABELS[name] for name in used(inner))


def test_legends_name_labels_that_there_are() -> None:
    for panel in panels():
        for target in panel.get("targets", []):
            told = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            assert told <= set().union(*(LABELS[name] for name in used(target["expr"])))


def test_panels_do_not_overlap_and_have_numbers_of_their_own() -> None:
    board = json.loads(DASHBOARD.read_text())["panels"]
    assert len({panel["id"] for panel in board}) == len(board)
    taken: set[tuple[int, int]] = set()
    for panel in board:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
