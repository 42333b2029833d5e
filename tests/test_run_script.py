"""./run in a checkout of its own, with stand-ins for Python that tell what they were asked for."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from main import main

RUN = Path(__file__).parents[1] / "run"
TOOLS = ("bash", "cat", "cp", "dirname", "env", "grep", "head", "ln", "mkdir", "readlink", "rm", "tail", "touch")
DEADLINE_S = 30.0
# Makes a venv of itself, notes what pip is asked for, and shows what it runs; the rest a real Python answers.
ABLE = """#!/usr/bin/env bash
case "$*" in
    '-m venv .venv') echo venv >>asked && mkdir -p .venv/bin && ln -sf "$0" .venv/bin/python ;;
    '-m venv'*) echo venv without pip >>asked && mkdir -p .venv/bin && ln -sf "$0" .venv/bin/python ;;
    '-m pip'*) echo "${*:2:2}" >>asked; while [[ -e pip-waits ]]; do :; done; ! cat pip-fails 2>/dev/null ;;
    -c*) exec "REAL" "$@" ;;
    *) printf '<%s>' "$@"; echo " as $$"; [[ ! -e program-fails ]] ;;
esac
"""
# A real Python that takes itself for an old one, or that lacks a module.
OLD = """#!/usr/bin/env bash
exec "REAL" -c 'import sys; sys.version_info = (3, 9, 2); sys.version = "3.9.2"; exec(sys.argv.pop(1))' "${@:2}"
"""
BARE = """#!/usr/bin/env bash
exec "REAL" -c 'import sys; sys.modules["ensurepip"] = sys.modules["pip"] = None; exec(sys.argv.pop(1))' "${@:2}"
"""
ONLY_PIP = ABLE.replace('exec "REAL" "$@"', BARE.splitlines()[1].replace(' = sys.modules["pip"]', ""))


class Checkout:
    """A checkout in which `./run` finds the programs that stand in its `path`, and no others."""

    def __init__(self, root: Path) -> None:
        self.here = root / "a checkout"
        self.path = root / "path"
        self.here.mkdir()
        self.path.mkdir()
        shutil.copy(RUN, self.here)
        (self.here / "requirements.txt").write_text("one==1\n")
        (self.here / "requirements-dev.txt").write_text("-r requirements.txt\ntwo==2\n")
        for tool in TOOLS:
            (self.path / tool).symlink_to(str(shutil.which(tool)))

    def add(self, name: str, script: str) -> None:
        write_program(self.path / name, script)

    def begin(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.here / "run", *arguments],
            cwd="/",
            env={"PATH": str(self.path), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, **environment: str) -> tuple[int, str, str]:
        """Exit status, what it printed, and what it said besides."""
        process = self.begin(*arguments, **environment)
        out, err = process.communicate()
        return process.returncode, out, err

    def asked(self) -> list[str]:
        """What was asked of Python so far, to make .venv."""
        notes = self.here / "asked"
        return notes.read_text().splitlines() if notes.exists() else []


def write_program(path: Path, script: str) -> None:
    path.write_text(script.replace("REAL", sys.executable))
    path.chmod(0o755)


@pytest.fixture
def checkout() -> Iterator[Checkout]:
    root = Path(tempfile.mkdtemp(prefix="yard-run-"))
    root.chmod(0o755)
    yield Checkout(root)
    shutil.rmtree(root)


def wait_until_said(process: subprocess.Popen[str], words: str) -> None:
    assert process.stderr
    assert words in process.stderr.readline()


def one_line(said: str) -> str:
    assert said.startswith("run: ")
    assert said.count("\n") == 1
    return said


def test_a_machine_without_python_is_told_in_one_line_what_to_install(checkout: Checkout):
    status, out, err = checkout.run("demo")
    assert (status, out) == (1, "")
    assert "apt install python3 python3-venv" in one_line(err)


def test_a_machine_with_an_old_python_is_told_in_one_line_which_it_needs(checkout: Checkout):
    checkout.add("python3", OLD)
    status, _, err = checkout.run("demo")
    assert status == 1
    assert "Python 3.11 or newer is needed" in one_line(err)
    assert "python3 3.9.2" in err
    assert not (checkout.here / ".venv").exists()


def test_a_python_that_cannot_make_a_venv_is_told_in_one_line_what_it_lacks(checkout: Checkout):
    checkout.add("python3.12", BARE)
    checkout.add("python3", OLD)
    status, _, err = checkout.run("demo")
    assert status == 1
    assert "apt install python3-venv" in one_line(err)
    assert "python3.12" in err


def test_the_first_python_that_can_make_a_venv_is_taken(checkout: Checkout):
    checkout.add("python3.13", BARE)
    checkout.add("python3.11", ABLE)
    checkout.add("python3", OLD)
    assert checkout.run("demo")[0] == 0
    assert (checkout.here / ".venv/bin/python").resolve().name == "python3.11"


def test_python_can_be_named_even_with_spaces_in_its_path(checkout: Checkout):
    checkout.add("python3", OLD)
    checkout.add("my own python", ABLE)
    assert checkout.run("demo", PYTHON=str(checkout.path / "my own python"))[0] == 0
    status, _, err = checkout.run("demo", PYTHON="nowhere/python")
    assert status == 0, "nothing is left to do, so nobody looks for a Python"
    shutil.rmtree(checkout.here / ".venv")
    status, _, err = checkout.run("demo", PYTHON="nowhere/python")
    assert status == 1
    assert "nowhere/python" in one_line(err)


def test_a_python_without_ensurepip_lends_its_own_pip(checkout: Checkout):
    checkout.add("python3", ONLY_PIP)
    assert checkout.run("demo")[0] == 0
    assert checkout.asked() == ["venv without pip", "pip --python"]


def test_what_is_installed_is_not_installed_again(checkout: Checkout):
    checkout.add("python3", ABLE)
    assert "setting up .venv" in checkout.run("demo")[2]
    assert checkout.run("demo")[2] == ""
    assert checkout.run("test")[2] == ""
    assert checkout.asked() == ["venv", "pip install"]


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_new_requirements_are_installed_into_the_venv_that_is_there(checkout: Checkout, name: str):
    checkout.add("python3", ABLE)
    checkout.run("demo")
    with (checkout.here / name).open("a") as requirements:
        requirements.write("three==3\n")
    assert checkout.run("demo")[0] == 0
    assert checkout.asked() == ["venv", "pip install", "pip install"]


def test_a_half_made_venv_is_made_anew(checkout: Checkout):
    checkout.add("python3", ABLE)
    checkout.run("demo")
    (checkout.here / ".venv/.complete").unlink()
    (checkout.here / ".venv/left over").touch()
    assert checkout.run("demo")[0] == 0
    assert checkout.asked() == ["venv", "pip install"] * 2
    assert not (checkout.here / ".venv/left over").exists()


def test_a_venv_whose_python_is_gone_or_another_is_made_anew(checkout: Checkout):
    checkout.add("python3.12", ABLE)
    checkout.run("demo")
    checkout.add("python3.11", ABLE)
    (checkout.path / "python3.12").unlink()
    assert checkout.run("demo")[0] == 0
    (checkout.here / ".venv/bin/python").unlink()
    checkout.add("python3.13", ABLE)
    (checkout.here / ".venv/bin/python").symlink_to(checkout.path / "python3.13")
    assert checkout.run("demo")[0] == 0
    assert checkout.asked() == ["venv", "pip install"] * 3


def test_a_failing_pip_is_quoted_and_tried_again_next_time(checkout: Checkout):
    checkout.add("python3", ABLE)
    (checkout.here / "pip-fails").write_text("ERROR: no network\n")
    status, out, err = checkout.run("demo")
    assert (status, out) == (1, "")
    assert "ERROR: no network" in err
    assert err.splitlines()[-1].startswith("run: could not set up .venv")
    (checkout.here / "pip-fails").unlink()
    assert checkout.run("demo")[0] == 0


def test_a_venv_with_half_of_the_new_requirements_does_not_pass_for_one_with_the_old(checkout: Checkout):
    checkout.add("python3", ABLE)
    checkout.run("demo")
    old = (checkout.here / "requirements.txt").read_text()
    (checkout.here / "requirements.txt").write_text("three==3\n")
    (checkout.here / "pip-fails").touch()
    assert checkout.run("demo")[0] == 1
    (checkout.here / "requirements.txt").write_text(old)
    (checkout.here / "pip-fails").unlink()
    assert checkout.run("demo")[0] == 0
    assert checkout.asked() == ["venv", "pip install", "pip install", "venv", "pip install"]


def test_two_at_once_build_one_venv(checkout: Checkout):
    checkout.add("python3", ABLE)
    (checkout.here / "pip-waits").touch()
    first = checkout.begin("demo")
    deadline = time.monotonic() + DEADLINE_S
    while "pip install" not in checkout.asked():
        assert time.monotonic() < deadline
    second = checkout.begin("demo")
    wait_until_said(second, "another ./run is building .venv")
    (checkout.here / "pip-waits").unlink()
    for process in (first, second):
        process.communicate()
        assert process.returncode == 0
    assert checkout.asked() == ["venv", "pip install"]


def test_a_checkout_that_cannot_be_written_says_so(checkout: Checkout):
    """As nobody, because root may write everywhere; so the stand-in answers by itself, without a real Python."""
    checkout.add("python3", '#!/usr/bin/env bash\nif [[ $2 == *fcntl* ]]; then exit; fi\necho "venv 3.12.0"\n')
    checkout.here.chmod(0o555)
    process = subprocess.Popen(
        [checkout.here / "run", "demo"],
        env={"PATH": str(checkout.path)},
        user="nobody" if os.geteuid() == 0 else None,
        stderr=subprocess.PIPE,
        text=True,
    )
    said = process.communicate()[1]
    checkout.here.chmod(0o755)
    assert process.returncode == 1
    assert f"cannot write in {checkout.here}" in one_line(said)


def test_arguments_and_exit_status_pass_unchanged_and_signals_reach_the_program(checkout: Checkout):
    checkout.add("python3", ABLE)
    checkout.run("demo")
    (checkout.here / "program-fails").touch()
    process = checkout.begin("token", "an operator", "--days=*")
    out, _ = process.communicate()
    assert out == f"<main.py><token><an operator><--days=*> as {process.pid}\n"
    assert process.returncode == 1
    assert checkout.run("test", "-k", "two words")[1].startswith("<-m><pytest><-k><two words>")
    assert checkout.run("bench", "drain")[1].startswith("<-m><bench><drain>")


def test_check_runs_every_tool_and_fails_when_one_did(checkout: Checkout):
    checkout.add("python3", ABLE)
    checkout.run("demo")
    write_program(checkout.here / ".venv/bin/ruff", "#!/usr/bin/env bash\n[[ $1 != check ]]\n")
    for tool in ("lint-imports", "pip-audit"):
        write_program(checkout.here / ".venv/bin" / tool, "#!/usr/bin/env bash\n")
    status, out, err = checkout.run("check")
    assert re.findall("^== (.*)", out, re.MULTILINE) == [
        "ruff check",
        "ruff format",
        "mypy",
        "import rules",
        "pip-audit",
    ]
    assert (status, err) == (1, "run: check failed: ruff check;\n")
    write_program(checkout.here / ".venv/bin/ruff", "#!/usr/bin/env bash\n")
    assert checkout.run("check")[0] == 0


@pytest.mark.parametrize(
    ("tells", "status", "said"),
    [
        ("one 1.0 CVE-1\nFound 1 known vulnerability in 1 package", 1, "run: check failed: pip-audit;\n"),
        ("usage: pip-audit", 2, "run: check failed: pip-audit;\n"),
        (
            "Traceback\nrequests.exceptions.ProxyError: x",
            1,
            "run: pip-audit: skipped, its service cannot be reached.\n",
        ),
        ("one could not be audited", 0, "run: pip-audit: skipped 1 packages that its service does not know.\n"),
        ("No known vulnerabilities found", 0, ""),
    ],
)
def test_known_faults_of_packages_fail_the_check_and_a_service_that_is_away_does_not(checkout, tells, status, said):
    checkout.add("python3", ABLE)
    checkout.run("demo")
    for tool in ("ruff", "lint-imports"):
        write_program(checkout.here / ".venv/bin" / tool, "#!/usr/bin/env bash\n")
    write_program(
        checkout.here / ".venv/bin/pip-audit", f"#!/usr/bin/env bash\necho {shlex.quote(tells)} >&2; exit {status}\n"
    )
    ended, _, err = checkout.run("check")
    assert (ended, err) == (int("failed" in said), said if "failed" in said else said + "run: check passed.\n")


def test_the_help_names_every_command_and_needs_no_python(checkout: Checkout):
    status, out, err = checkout.run()
    assert (status, err) == (0, "")
    assert out == checkout.run("--help")[1]
    told = re.findall(r"^  ([\w-]+)  ", out, re.MULTILINE)
    assert sorted(told) == sorted([*main.commands, "test", "check", "bench"])
