"""Whatever stands in a file or a variable, the answer is settings or problems, never another error."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from greencam.base.errors import SettingsError
from greencam.settings.load import load
from greencam.settings.model import Camera, Machine
from greencam.settings.show import as_json, as_text

CONSTANTS = sorted(info.alias or name for name, info in Machine.model_fields.items())
PIECES = [
    *CONSTANTS,
    " = ",
    "\n",
    "{",
    "}",
    "'frame_timeout'",
    ": ",
    ", ",
    "-",
    "**",
    "9",
    "1e9",
    "'",
    '"',
    "(",
    "\\",
    "#",
]
YAML_PIECES = [
    *("cameras:", "\n", "  ", "- ", "id: ", "a", ": ", "&x ", "*x", "!!int ", "|", ">", "{", "}", "[", "]"),
    *("'", '"', "\\U", "FFFFFFFF", "---", "...", "%YAML ", "1.1", "? ", "~", ".inf", "\t", *Camera.model_fields),
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
EXAMPLES = settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "config").mkdir()
    return tmp_path


def check(root: Path, environ: dict[str, str]) -> None:
    """Settings that can be used and shown, or problems of one line each."""
    try:
        found = load(root, environ)
    except SettingsError as error:
        problems = error.problems
    else:
        assert found.cameras
        assert found.storage
        assert found.redis_url is None or "://" in found.redis_url
        assert as_text(found)
        assert as_json(found, changed=True)
        return
    assert problems
    assert [problem for problem in problems if len(problem.splitlines()) != 1] == []


@EXAMPLES
@given(st.binary() | st.text().map(lambda text: text.encode(errors="surrogatepass")))
def test_any_bytes(root: Path, data: bytes) -> None:
    (root / "config.py").write_bytes(data)
    (root / "config/config.yaml").write_bytes(data)
    check(root, {})


@EXAMPLES
@given(st.lists(st.sampled_from(PIECES)).map("".join), st.lists(st.sampled_from(YAML_PIECES)).map("".join))
def test_any_pieces_of_the_languages(root: Path, config: str, site: str) -> None:
    (root / "config.py").write_text(config)
    (root / "config/config.yaml").write_text(site)
    check(root, {})


@EXAMPLES
@given(st.sampled_from(CONSTANTS), VALUES)
def test_any_value_of_any_constant(root: Path, name: str, value: object) -> None:
    (root / "config.py").write_bytes(f"{name} = {value!r}".encode(errors="backslashreplace"))
    check(root, {})


@EXAMPLES
@given(st.sampled_from([*CONSTANTS, "CAMERAS", "STORAGE", "STORAGE__max_mb", "", "CONFIG", "SITE"]), st.text())
def test_any_variable(root: Path, name: str, value: str) -> None:
    check(root, {f"GREENCAM_{name}": value})


@EXAMPLES
@given(st.text(), st.text())
def test_any_name_of_a_variable(root: Path, name: str, value: str) -> None:
    check(root, {f"GREENCAM_{name}": value})
