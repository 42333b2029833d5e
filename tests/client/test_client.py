"""The TypeScript client: its own tests, its types, its package, and that it works against a running server."""

import json
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from api.auth import issue
from tests import fake_openai
from tests.client.conftest import CLIENT, PATIENCE_S, Npm
from tests.processes import SECRET, fleet

pytestmark = pytest.mark.timeout(900)  # the first one installs what they need
SAMPLES = re.findall(r"^```tsx?\n(.*?)^```$", (CLIENT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
STRICT = {
    "strict": True,
    "module": "nodenext",
    "target": "es2022",
    "noEmit": True,
    "skipDefaultLibCheck": True,
    "jsx": "react-jsx",
}
IMPORT = """
import { AIJobService } from "yardmaster-client";
import { useAIJobUpdates } from "yardmaster-client/react";
process.stdout.write(`${typeof AIJobService} ${typeof useAIJobUpdates}`);
"""


def test_its_types_are_right(npm: Npm):
    npm("run", "check")


def test_its_own_tests(npm: Npm):
    npm("test")


def test_its_types_of_the_api_are_those_of_the_api(npm: Npm, tmp_path: Path):
    made = tmp_path / "types.ts"
    npm("run", "types", PYTHON=sys.executable, TYPES=made)
    kept = CLIENT / "src" / "types.generated.ts"
    assert made.read_text() == kept.read_text(), "the API has changed: cd client && npm run types"


def test_what_is_packed_works_as_its_readme_shows(npm: Npm, tmp_path: Path):
    npm("pack", "--pack-destination", tmp_path)
    modules = unpacked(tmp_path)
    for name in ("react", "socket.io-client", "@types"):
        (modules / name).symlink_to(CLIENT / "node_modules" / name)
    for number, sample in enumerate(SAMPLES):
        (tmp_path / f"sample{number}.tsx").write_text(sample)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "tsconfig.json").write_text(json.dumps({"compilerOptions": STRICT}))
    output_of([CLIENT / "node_modules" / ".bin" / "tsc"], tmp_path)
    assert output_of(["node", "--input-type=module", "--eval", IMPORT], tmp_path) == "function function"


def unpacked(into: Path) -> Path:
    """A folder node_modules with the package as it would be installed."""
    modules = into / "node_modules"
    with tarfile.open(next(into.glob("*.tgz"))) as packed:
        packed.extractall(modules, filter="data")
    (modules / "package").rename(modules / "yardmaster-client")
    return modules


def output_of(command: list[str | Path], cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_works_against_a_running_server(npm: Npm, database_url: str):
    with (
        fake_openai.running() as fake,
        fleet(database_url, OPENAI_API_KEY="sk-test", OPENAI_BASE_URL=fake.base_url) as (
            [web],
            _,
        ),
    ):
        url, token = f"http://127.0.0.1:{web.port}", issue(SECRET, "ann")
        npm("run", "test:running", YARD_URL=url, YARD_TOKEN=token)
