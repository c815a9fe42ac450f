"""What a person sees who types something wrong; what gets past the parser is started for real."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass

import pytest

from greencam.apps import cam1_stream, client, storeimages, supervisor
from tests.suite import CHECKOUT, Suite

pytestmark = pytest.mark.timeout(240)  # more than the commands have together

SECRET = "s3cr3t"  # noqa: S105 - the one that must never be shown
SITE = f"cameras:\n  - {{id: front, source: pattern}}\n  - {{id: back, source: 'rtsp://admin:{SECRET}@127.0.0.1:1/x'}}\n"


@dataclass(frozen=True)
class Wrong:
    """A command line, its exit code, and what has to be in its answer."""

    words: str
    code: int
    says: str

    def __str__(self) -> str:
        return self.words


# These are noticed before anything is read or started.
EARLY = [
    Wrong("cam1_stream.py --camera front --fps fast", 2, "--fps"),
    Wrong("cam1_stream.py --camera front --duration nan", 2, "--duration"),
    Wrong("cam1_stream.py --no-such-option", 2, "usage: cam1_stream.py"),
    Wrong("client.py --every 5", 2, "--every and --all say how often --save stores; add --save DIR"),
    Wrong("client.py --all", 2, "add --save DIR"),
    Wrong("client.py --save x --every 1 --all", 2, "not allowed with argument"),
    Wrong("client.py --count 0", 2, "--count"),
    Wrong("client.py --count 1.5", 2, "--count"),
    Wrong("client.py --duration -1", 2, "--duration"),
    Wrong("client.py --duration nan", 2, "--duration"),
    Wrong("client.py --transport pigeon", 2, "--transport"),
    Wrong("storeimages.py --every -1", 2, "--every"),
    Wrong("start.py --duration soon", 2, "--duration"),
    Wrong("start.py --duration 0", 2, "--duration"),
]
CASES = [
    Wrong("cam1_stream.py --camera frnt", 2, "no camera 'frnt' in config/config.yaml; known: front, back"),
    Wrong(
        "cam1_stream.py --camera front --size 640",
        2,
        "--size '640': two numbers with an x between, such as 640x480",
    ),
    Wrong("cam1_stream.py --camera front --size 640x", 2, "--size"),
    Wrong("cam1_stream.py --camera front --size ²x³", 2, "--size"),
    Wrong("cam1_stream.py --camera front --size 99999x480", 2, "width"),
    Wrong("cam1_stream.py --camera front --fps nan", 2, "fps"),
    Wrong("cam1_stream.py --camera front --fps -5", 2, "fps"),
    Wrong("cam1_stream.py --camera front --source telepathy", 2, "--source: not a camera source; the forms are"),
    Wrong(f"cam1_stream.py --source ftp://admin:{SECRET}@10.0.0.9/1", 2, "--source: not a camera source"),
    Wrong(f"cam1_stream.py --source rtsp://admin:{SECRET}/x@10.0.0.9/1", 2, "in a password write / as %2F"),
    Wrong(f"cam1_stream.py --source rtsp://admin:{SECRET}@10.0.0.9:x/1", 2, "a host and a valid port"),
    Wrong("cam1_stream.py --source pattern --camera ../../etc", 2, "id"),
    Wrong("client.py --camera frnt", 2, "did you mean front?"),
    Wrong("client.py --camera front --duration 0.3", 1, "0 frames of front"),
    Wrong("client.py --camera front --save config/config.yaml --duration 5", 2, "a file where a folder is needed"),
    Wrong("client.py --camera front --show --duration 5", 2, "--show needs a display"),
    Wrong("storeimages.py --camera frnt --duration 5", 2, "did you mean front?"),
]


# One process loads the commands, then each runs in a fork of its own, with its own signals and log.
RUNNER = """
import json, os, sys, traceback
from greencam.apps import cam1_stream, capture, client, storeimages
mains = {"cam1_stream.py": cam1_stream.main, "client.py": client.main, "storeimages.py": storeimages.main}
answers = []
for script, *words in json.load(sys.stdin):
    output = os.memfd_create("output")
    pid = os.fork()
    if pid == 0:
        os.dup2(output, 1)
        os.dup2(output, 2)
        try:
            code = mains[script](words)
        except SystemExit as left:
            code = left.code
        except BaseException:
            traceback.print_exc()
            code = 1
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    _, status = os.waitpid(pid, 0)
    os.lseek(output, 0, 0)
    answers.append((os.waitstatus_to_exitcode(status), os.read(output, 1 << 20).decode()))
json.dump(answers, sys.stdout)
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str]]:
    """Exit code and output of each command, in a folder of the test's own."""
    root = tmp_path_factory.mktemp("root")
    suite = Suite(root, root / "run")
    suite.site(SITE)
    environment = {**suite.environment, "PYTHONPATH": str(CHECKOUT / "src")}
    environment.pop("DISPLAY", None)
    done = subprocess.run(
        [sys.executable, "-c", RUNNER],
        input=json.dumps([case.words.split(" ") for case in CASES]),
        env=environment,
        cwd=root,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    return {str(case): (code, output) for case, (code, output) in zip(CASES, json.loads(done.stdout), strict=True)}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_wrong_word_is_one_clear_answer(answers: dict[str, tuple[int, str]], case: Wrong) -> None:
    code, output = answers[str(case)]
    assert (code, case.says in output) == (case.code, True), output
    assert "Traceback" not in output
    assert SECRET not in output
    if "usage:" not in output:
        assert len(output.splitlines()) == 1, output


MAINS = {
    "cam1_stream.py": cam1_stream.main,
    "client.py": client.main,
    "storeimages.py": storeimages.main,
    "start.py": supervisor.main,
}


@pytest.mark.parametrize("case", EARLY, ids=str)
def test_an_option_that_can_not_be_is_refused_by_name(case: Wrong, capsys: pytest.CaptureFixture[str]) -> None:
    script, *words = case.words.split(" ")
    try:
        code: object = MAINS[script](words)
    except SystemExit as left:
        code = left.code
    assert code == case.code
    assert case.says in capsys.readouterr().err
