"""The TypeScript client: its own tests, its types, its package, and that it works against a running server."""

import json
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from api.auth import issue
from jobs.handlers.canvas import accept
from tests import fake_openai
from tests.client.conftest import CLIENT, PATIENCE_S, Npm
from tests.processes import ROOT, SECRET, Web, fleet
from tests.test_live import ended, socket, told

pytestmark = pytest.mark.timeout(900)  # the first one installs what they need
README = (CLIENT / "README.md").read_text()
SAMPLES = re.findall(r"^```tsx?\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
STRICT = {
    "strict": True,
    "module": "nodenext",
    "target": "es2022",
    "noEmit": True,
    "skipDefaultLibCheck": True,
    "jsx": "react-jsx",
}
SPLIT = {"YARD_SCHEDULER__EMBEDDED": "false"}
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


@pytest.mark.usefixtures("site")  # it is built for that
def test_what_is_packed_works_as_its_readme_shows(npm: Npm, tmp_path: Path):
    npm("pack", "--ignore-scripts", "--pack-destination", tmp_path)
    modules = unpacked(tmp_path)
    package = modules / "yardmaster-client"
    assert {file.name for file in package.iterdir()} == {"LICENSE", "README.md", "dist", "package.json"}
    assert (package / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    for name in ("react", "socket.io-client", "@types"):
        (modules / name).symlink_to(CLIENT / "node_modules" / name)
    for number, sample in enumerate(SAMPLES):
        (tmp_path / f"sample{number}.tsx").write_text(sample)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "tsconfig.json").write_text(json.dumps({"compilerOptions": STRICT}))
    output_of([CLIENT / "node_modules" / ".bin" / "tsc"], tmp_path)
    assert output_of(["node", "--input-type=module", "--eval", IMPORT], tmp_path) == "function function"


def test_its_readme_installs_what_is_packed_and_npm_keeps_it_a_copy(npm: Npm, tmp_path: Path):
    """Of a folder it makes a link with the next `npm install`."""
    packed = npm("pack", "--ignore-scripts", "--pack-destination", tmp_path).split()[-1]
    assert f"npm install ../yardmaster/client/{packed}" in README
    (tmp_path / "package.json").write_text("{}")
    for more in ([f"./{packed}"], []):
        output_of(["npm", "install", "--offline", *more], tmp_path)
    assert not (tmp_path / "node_modules" / "yardmaster-client").is_symlink()


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


@pytest.fixture(scope="module")
def webs(site: str, database_url: str) -> Iterator[list[Web]]:
    with fake_openai.running() as fake:
        model = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": fake.base_url}
        with fleet(database_url, webs=2, workers=2, YARD_API__ORIGINS=f"[{site}]", **SPLIT, **model) as (found, _):
            yield found


def test_it_works_against_running_servers(npm: Npm, webs: list[Web]):
    url, other = (f"http://127.0.0.1:{web.port}" for web in webs)
    npm("run", "test:running", YARD_URL=url, YARD_OTHER_URL=other, YARD_TOKEN=issue(SECRET, "ann"))


TOLD = """
import type {{ CanvasResult }} from "{source}/index.js";
import type {{ Message }} from "{source}/messages.js";
export const canvas = {canvas} satisfies CanvasResult;
const told = {told} as const;
export const messages: readonly Message[] = told;
"""
KINDS = ("rectangle", "diamond", "star", "heart", "circle", "text", "arrow", "line")
ALL = {"x": 99, "y": 99, "width": 90, "height": 90, "radius": 40, "text": "x", "fontSize": 12, "points": [0, 0, 50, 50]}


def test_what_it_calls_a_canvas_and_an_event_is_what_the_server_tells(npm: Npm, webs: list[Web], tmp_path: Path):
    """/openapi.json leaves both open: types.ts and messages.ts name their fields."""
    with socket(webs[0]) as client:
        heard = told(client, ended(job_id := webs[1].draw("a flow [fake:good objects=9 chunk_delay_s=0.03]")))
        heard += told(client, ended(webs[1].draw("a flow [fake:400]")))
    canvas = webs[0].call("GET", f"/job/{job_id}/result")[1]["result"]
    one = canvas["objects"][0]
    canvas["objects"] += [one | (accept({"object_type": kind, "properties": ALL}) or {}) for kind in KINDS]
    assert {obj["object_type"] for obj in canvas["objects"]} == set(KINDS)
    messages = [{"event": message["event"], **message["data"]} for message in heard]
    told_so = TOLD.format(source=CLIENT / "src", canvas=json.dumps(canvas), told=json.dumps(messages))
    (tmp_path / "told.ts").write_text(told_so)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    options = {**STRICT, "exactOptionalPropertyTypes": True, "types": []}
    (tmp_path / "tsconfig.json").write_text(json.dumps({"compilerOptions": options}))
    output_of([CLIENT / "node_modules" / ".bin" / "tsc"], tmp_path)


PROGRAM = """
import { io } from "socket.io-client";
import { WebSocket } from "ws";
import { AIJobService } from "./index.js";
const ways = { polls: { WebSocketImpl: null }, websocket: { WebSocketImpl: WebSocket }, socketio: { io } };
const { YARD_URL: baseUrl, YARD_TOKEN, WAY } = process.env;
const service = new AIJobService({ baseUrl, getToken: () => YARD_TOKEN, ...ways[WAY] });
const canvas = await service.createCanvasWithAI("a flow [fake:good objects=3]");
const over = new AbortController();
const left = service.createCanvasWithAI("a flow", { delay_s: 600, signal: over.signal, onProgress: () => over.abort() });
await left.catch(({ name }) => console.log(canvas.objects.length, name));
"""


@pytest.mark.usefixtures("site")  # it is built for that
@pytest.mark.parametrize("way", ["polls", "websocket", "socketio"])
def test_a_program_that_waits_no_longer_ends(webs: list[Web], way: str):
    """Nothing that is left of the client's keeps Node.js from it: no timer, no connection."""
    url = f"http://127.0.0.1:{webs[0].port}"
    env = os.environ | {"YARD_URL": url, "YARD_TOKEN": issue(SECRET, "ann"), "WAY": way}
    node = partial(subprocess.run, cwd=CLIENT / "dist", env=env, capture_output=True, text=True, timeout=120)
    done = node(["node", "--input-type=module", "--eval", PROGRAM], check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "3 Aborted\n", "")


DRAWN = """async ([baseUrl, token]) => {
    const { AIJobService } = await import("/index.js");
    const progress = [];
    const told = { onProgress: (one) => progress.push(one) };
    const service = new AIJobService({ baseUrl, getToken: () => token });
    const wish = "a flow [fake:good objects=12 chunk_delay_s=0.02]";
    const result = await service.createCanvasWithAI(wish, told).catch(({ name, code }) => ({ name, code }));
    return { progress, result };
}"""


def test_in_a_browser_a_page_of_another_origin_sees_its_canvas_grow(browser: Browser, site: str, webs: list[Web]):
    page, server = browser.new_page(), f"http://127.0.0.1:{webs[0].port}"
    page.goto(site)
    seen = page.evaluate(DRAWN, [server, issue(SECRET, "ann")])
    assert webs[1].call("GET", f"/job/{seen['progress'][-1]['job_id']}/result")[1]["result"] == seen["result"]
    assert seen["result"]["objects"] == seen["progress"][-1]["objects"]
    assert any(one["objects"] for one in seen["progress"] if one["status"] == "processing"), "it did not grow"
    refused = page.evaluate(DRAWN, [server, "nobody"])["result"]
    assert refused == {"name": "AuthenticationError", "code": "unauthorized"}
    page.close()
