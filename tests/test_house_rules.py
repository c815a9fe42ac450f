"""The rules that no linter knows; each is a sentence, its exceptions are listed with their reasons."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from greencam.settings.environment import INTERNAL, PREFIX, key_names
from greencam.settings.machine_model import Machine
from greencam.settings.model import Site

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
SCRIPTS = sorted(ROOT.glob("*.py"))
HANDLES = [path for path in SCRIPTS if path.name != "config.py"]
Function = ast.FunctionDef | ast.AsyncFunctionDef

LINES_PER_FUNCTION, LINES_PER_MODULE, PARAMETERS = 50, 400, 6
# Reading the clock elsewhere than through a Clock, and why that is right there.
CLOCK_READERS = {
    "src/greencam/base/clock.py": "it is the clock",
    "src/greencam/apps/client.py": "a composition root that prints a line per second",
    "src/greencam/camera/picamera.py": "stamps of the sensor are of CLOCK_BOOTTIME, which no Clock tells",
    "src/greencam/capture/worker_loop.py": "the worker's main thread waits for a driver that hangs",
}
# Names that look like settings and are none.
NOT_SETTINGS = {"GREENCAM_ENTERED_PID": "the handle takes it out of the environment before anything reads settings"}


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def code(paths: list[Path]) -> list[object]:
    return [pytest.param(path, id=shown(path)) for path in paths]


def dotted(node: ast.expr) -> str:
    """`os.system` for that expression; empty for anything that is not names and dots."""
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return node.id if isinstance(node, ast.Name) else ""


def places(tree: ast.Module, wrong: Callable[[ast.AST], bool]) -> list[int]:
    return [getattr(node, "lineno", 0) for node in ast.walk(tree) if wrong(node)]


# --- nothing is executed from data ------------------------------------------------------------------------------

DANGEROUS_CALLS = {
    "eval", "exec", "compile", "__import__", "os.system", "os.popen", "yaml.load", "yaml.unsafe_load",
    "yaml.full_load", "subprocess.getoutput", "subprocess.getstatusoutput",
}  # fmt: skip
DANGEROUS_MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}


def runs_data(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        shell = any(
            word.arg == "shell" and not (isinstance(word.value, ast.Constant) and word.value.value is False)
            for word in node.keywords
        )
        return shell or dotted(node.func) in DANGEROUS_CALLS
    if isinstance(node, ast.Import):
        return any(alias.name.split(".")[0] in DANGEROUS_MODULES for alias in node.names)
    return isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in DANGEROUS_MODULES


@pytest.mark.parametrize("path", code(SOURCES + SCRIPTS))
def test_nothing_is_executed_from_data(path: Path) -> None:
    assert places(ast.parse(path.read_text()), runs_data) == []


@pytest.mark.parametrize(
    "text",
    ["import pickle", "from pickle import loads", "eval(x)", "os.system(x)", "run(x, shell=True)", "yaml.load(x)"],
)
def test_an_execution_from_data_is_found(text: str) -> None:
    assert places(ast.parse(text), runs_data) == [1]


# --- names live in one place ------------------------------------------------------------------------------------


def docstrings(tree: ast.Module) -> set[int]:
    """Identities of the constants that are docstrings."""
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, holders) and node.body and isinstance(node.body[0], ast.Expr)
    }


def texts(source: str) -> Iterator[tuple[int, str]]:
    """Every string in the code that is not a docstring, with its line."""
    tree = ast.parse(source)
    skipped = docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node.lineno, node.value


def key_literals(source: str) -> list[int]:
    return [line for line, text in texts(source) if re.search(r"greencam:[^\s]", text)]


@pytest.mark.parametrize("path", code([path for path in SOURCES if path.name != "keys.py"]))
def test_redis_keys_are_named_in_bus_keys_only(path: Path) -> None:
    assert key_literals(path.read_text()) == []
    assert "keys.PREFIX" not in path.read_text(), "a key is put together outside bus/keys.py"


def test_a_redis_key_elsewhere_is_found() -> None:
    assert key_literals('k = "greencam:control"') == [1]
    assert key_literals('"""greencam:{cam1}:frames is a key."""') == []


def environment_names(source: str) -> set[str]:
    return {text for _, text in texts(source) if re.fullmatch(rf"{PREFIX}[A-Z0-9_]+", text)}


def test_every_environment_variable_is_a_setting_or_known_to_be_internal() -> None:
    settings = {PREFIX + name for name in {**key_names(Machine), **key_names(Site)}}
    found = {name for path in SOURCES + SCRIPTS for name in environment_names(path.read_text())}
    used = {name.split("__")[0] for name in found}  # a double underscore names one key of a mapping
    assert used, "none was found, so this test looks in the wrong place"
    assert used - settings - INTERNAL - set(NOT_SETTINGS) == set()


def test_the_handle_takes_its_own_variable_out_of_the_environment() -> None:
    source = (ROOT / "src/greencam/handle.py").read_text()
    (name,) = environment_names(source)
    assert name in NOT_SETTINGS
    assert "os.environ.pop(_GUARD" in source


# --- time -------------------------------------------------------------------------------------------------------

CLOCKS = {
    f"time.{name}{unit}" for name in ("time", "monotonic", "perf_counter", "clock_gettime") for unit in ("", "_ns")
}


def reads_the_clock(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom) and node.module == "time":
        return any(f"time.{alias.name}" in CLOCKS for alias in node.names)
    name = dotted(node) if isinstance(node, ast.Attribute) else ""
    return name in CLOCKS or name in {"datetime.now", "datetime.utcnow", "datetime.datetime.now", "date.today"}


@pytest.mark.parametrize("path", code(SOURCES))
def test_time_comes_from_a_clock_that_is_passed_in(path: Path) -> None:
    found = places(ast.parse(path.read_text()), reads_the_clock)
    if shown(path) in CLOCK_READERS:
        assert found, f"{shown(path)} reads no clock any more: take it out of the list"
    else:
        assert found == []


@pytest.mark.parametrize("text", ["time.time()", "x = time.monotonic", "from time import monotonic_ns"])
def test_a_clock_that_is_read_directly_is_found(text: str) -> None:
    assert places(ast.parse(text), reads_the_clock) == [1]


# --- size and shape ---------------------------------------------------------------------------------------------


def functions(tree: ast.Module) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def too_long(tree: ast.Module) -> list[str]:
    return [f.name for f in functions(tree) if (f.end_lineno or 0) - f.lineno + 1 > LINES_PER_FUNCTION]


def too_many_parameters(tree: ast.Module) -> list[str]:
    found = []
    for function in functions(tree):
        words = function.args
        names = [word.arg for word in (*words.posonlyargs, *words.args, *words.kwonlyargs)]
        if len([name for name in names if name not in {"self", "cls"}]) > PARAMETERS:
            found.append(function.name)
    return found


def is_foreign(node: ast.stmt) -> bool:
    """A body of `...` alone is a Protocol's: it repeats the face of a library, which documents it."""
    return isinstance(node, Function) and [ast.unparse(line) for line in node.body] == ["..."]


def undocumented(tree: ast.Module) -> list[str]:
    """Public classes and functions without a docstring; `__init__` says nothing that its class does not."""
    found = [] if ast.get_docstring(tree) else ["module"]
    waiting: list[ast.stmt] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If | ast.Try):
            waiting += [*node.body, *node.orelse]
        elif isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            found += [] if ast.get_docstring(node) or is_foreign(node) else [node.name]
            waiting += node.body if isinstance(node, ast.ClassDef) else []
    return found


@pytest.mark.parametrize("path", code(SOURCES))
def test_size_and_docstrings(path: Path) -> None:
    source = path.read_text()
    tree = ast.parse(source)
    assert too_long(tree) == []
    assert too_many_parameters(tree) == []
    assert undocumented(tree) == []
    assert len(source.splitlines()) <= LINES_PER_MODULE


def test_a_breach_of_size_and_docstrings_is_found() -> None:
    long = "def f():\n" + "    x = 1\n" * LINES_PER_FUNCTION
    assert too_long(ast.parse(long)) == ["f"]
    wide = "class A:\n def f(self, a, b, c, d, e, g, *, h): ...\n def g(self, a, b, c, d, e, f): ..."
    assert too_many_parameters(ast.parse(wide)) == ["f"]
    bare = "if x:\n def f(): pass\nclass A:\n def g(self): pass\n def __init__(self): pass\n def _h(self): pass"
    assert sorted(undocumented(ast.parse(bare))) == ["A", "f", "g", "module"]


VAGUE = re.compile(r"(util|helper|manager|misc|common)s?\b|(util|helper|manager)s?$")


@pytest.mark.parametrize("path", code(SOURCES + SCRIPTS))
def test_no_file_has_a_name_that_says_nothing(path: Path) -> None:
    assert path.stem == "camera_manager" or not VAGUE.search(path.stem)


# --- root scripts -----------------------------------------------------------------------------------------------

HANDLE = """
import sys
from pathlib import Path
sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))
from greencam.handle import enter_venv
if __name__ == "__main__":
    enter_venv()
    from greencam.apps.NAME import main
    raise SystemExit(main())
"""
SERVICES = {"cam1_stream.py", "start.py", "storeimages.py"}  # to be stopped cleanly from the first line on


def shape(source: str) -> str:
    """The code of a handle with its docstring, its app's name and the names it passes on taken out."""
    body = ast.parse(source).body
    kept = [node for node in body[1:] if not passes_on(node)]
    text = "\n".join(ast.unparse(node) for node in kept)
    return re.sub(r"from greencam\.apps\.\w+ import", "from greencam.apps.NAME import", text)


def passes_on(node: ast.stmt) -> bool:
    """`from greencam.… import X` and `__all__` at the end of a handle that is also a module of the guides."""
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").startswith("greencam.") and node.module != "greencam.handle"
    return isinstance(node, ast.Assign) and [dotted(target) for target in node.targets] == ["__all__"]


def test_there_are_handles() -> None:
    assert {"cam1_stream.py", "client.py", "start.py", "storeimages.py"} <= {path.name for path in HANDLES}


@pytest.mark.parametrize("path", code(HANDLES))
def test_every_root_script_is_a_handle_of_the_same_shape(path: Path) -> None:
    source = path.read_text()
    wanted = HANDLE.replace("enter_venv", "enter_service") if path.name in SERVICES else HANDLE
    assert shape(source) == ast.unparse(ast.parse(wanted))
    about = ast.get_docstring(ast.parse(source)) or ""
    assert f"Usage: {path.name}" in about, "the docstring tells how it is used"
    assert source.startswith("#!/usr/bin/env python3\n")
    assert os.access(path, os.X_OK), "not executable"


def test_a_handle_that_does_more_is_found() -> None:
    assert shape('"""x"""' + HANDLE) == ast.unparse(ast.parse(HANDLE))
    assert shape('"""x"""' + HANDLE.replace("    enter_venv()\n", "")) != ast.unparse(ast.parse(HANDLE))
    assert shape('"""x"""' + HANDLE + "\nimport os\n") != ast.unparse(ast.parse(HANDLE))


def test_the_help_of_run_sh_names_every_command() -> None:
    script = (ROOT / "run.sh").read_text()
    branches = re.search(r'^case "\$\{1:-start\}" in\n(.*?)^esac', script, re.DOTALL | re.MULTILINE)
    assert branches is not None
    patterns = re.findall(r"^  ([^)\n]+)\)", branches[1], re.MULTILINE)
    commands = {word for pattern in patterns for word in pattern.split(" | ")} - {"*", "--*", "-h", "help"}
    assert {"start", "setup", "test", "status", "stop"} <= commands
    told = subprocess.run([str(ROOT / "run.sh"), "--help"], cwd="/", capture_output=True, text=True, timeout=60)
    assert told.returncode == 0
    assert [command for command in commands if not re.search(rf"run\.sh \[?{command}\b", told.stdout)] == []


def test_run_sh_refuses_a_command_that_does_not_exist() -> None:
    done = subprocess.run([str(ROOT / "run.sh"), "stat"], cwd="/", capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "no command 'stat'" in done.stderr
    assert "usage:" in done.stderr


# --- what is committed ------------------------------------------------------------------------------------------

# Put together here, so that this file does not contain what it looks for.
BUILD_FOLDER = "/" + "work" + "/"
INDEX = re.compile(
    r"--(extra-)?index-url[ =]|--trusted-host|--find-links[ =]"
    r"|https?://[\w.-]*(registry|artifactory|nexus|pythonhosted)[\w.-]*\.\w+|https?://\S+/simple\b"
)


def own_package_hosts() -> set[str]:
    """Hosts from which this machine gets its packages, other than the public ones."""
    said = [value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_", "NPM_"))]
    for path in (Path("/etc/pip.conf"), Path.home() / ".pip/pip.conf", Path.home() / ".config/pip/pip.conf"):
        said += [path.read_text()] if path.is_file() else []
    hosts = {urlsplit(url).hostname for text in said for url in re.findall(r"https?://[^\s'\"]+", text)}
    return {host for host in hosts if host} - {"pypi.org", "files.pythonhosted.org", "localhost"}


def leaks(text: str, hosts: set[str]) -> list[str]:
    """Lines that tell where this was built or got its packages from; lines of hashes are not looked at."""
    return [
        line.strip()
        for line in text.splitlines()
        if not line.lstrip().startswith("--hash=")
        and (BUILD_FOLDER in line or INDEX.search(line) or any(host in line for host in hosts))
    ]


def test_nothing_committed_tells_where_it_was_built() -> None:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    hosts = own_package_hosts()
    found = {}
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        data = path.read_bytes() if path.is_file() else b""
        if b"\0" not in data and path != Path(__file__):
            wrong = leaks(data.decode("utf-8", "replace"), hosts)
            if wrong:
                found[name] = wrong
    assert found == {}


@pytest.mark.parametrize(
    "line",
    [
        f"see {BUILD_FOLDER}main",
        "--extra-index-url https://x.example/pypi",
        "https://mirror.example/simple/numpy",
        "https://registry.example.com/v2",
        "https://packages.example/x",
    ],
)
def test_a_leak_is_found(line: str) -> None:
    assert leaks(line, {"packages.example"}) == [line]
    assert leaks(f"    --hash=sha256:{line}", {"packages.example"}) == []
