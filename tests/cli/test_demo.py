"""The newcomer's first command, without DATABASE_URL and without a key."""

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

from tests.processes import ROOT, environment


def demo(data_dir: Path, out: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    env = environment("", YARD_DATA_DIR=str(data_dir), **environ)
    del env["DATABASE_URL"], env["JWT_SECRET"]
    command = [sys.executable, str(ROOT / "main.py"), "demo", "--out", str(out), *arguments]
    return subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)


def test_the_demo_draws_three_pictures_and_leaves_nothing_behind(tmp_path: Path):
    ended = demo(tmp_path / "data", tmp_path / "out")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    pictures = list((tmp_path / "out").glob("*.svg"))
    assert len(pictures) == 3
    for picture in pictures:
        assert str(picture) in ended.stdout
        assert len(ET.fromstring(picture.read_text())) > 5
    assert ended.stdout.count("completed   100 %") == 3


def test_it_draws_what_it_is_told(tmp_path: Path):
    ended = demo(tmp_path / "data", tmp_path / "out", "--instructions", "a -> <b> & c")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    [picture] = (tmp_path / "out").glob("*.svg")
    assert "&lt;b&gt;" in picture.read_text()


def test_it_signs_its_own_tokens_where_a_provider_signs_those_of_the_users(tmp_path: Path):
    provider = {"ALGORITHM": "RS256", "JWKS_URL": "https://127.0.0.1:1/", "ISSUER": "https://id", "AUDIENCE": "yard"}
    environ = {f"YARD_API__AUTH__{name}": value for name, value in provider.items()}
    ended = demo(tmp_path / "data", tmp_path / "out", "--instructions", "a -> b", **environ)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert len(list((tmp_path / "out").glob("*.svg"))) == 1


def test_a_broken_configuration_is_told_in_one_line_and_not_as_a_stack_trace(tmp_path: Path):
    env = environment("", YARD_SCHEDULER__LEASE_S="-1")
    command = [sys.executable, str(ROOT / "main.py"), "serve"]
    ended = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert "YARD_SCHEDULER__LEASE_S" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_database_that_is_not_there_is_told_with_the_cure(tmp_path: Path):
    env = environment("postgresql://nobody@127.0.0.1:1/nothing")
    command = [sys.executable, str(ROOT / "main.py"), "migrate"]
    ended = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert "DATABASE_URL" in ended.stderr
    assert "Traceback" not in ended.stderr
