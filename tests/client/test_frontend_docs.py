"""The page of docs/frontend.md, as it stands there: type-checked, bundled, and used in a browser on a running server."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from api.auth import issue
from tests import fake_openai
from tests.client.conftest import CLIENT, PATIENCE_S, Npm
from tests.processes import ROOT, SECRET, Web, fleet

pytestmark = pytest.mark.timeout(900)
[APP] = re.findall(r"^```tsx\n(.*?)^```$", (ROOT / "docs/frontend.md").read_text(), re.MULTILINE | re.DOTALL)
STRICT = {
    "strict": True,
    "noUncheckedIndexedAccess": True,
    "module": "nodenext",
    "target": "es2022",
    "noEmit": True,
    "jsx": "react-jsx",
    "skipLibCheck": True,
}
SHAPES = "svg > :is(rect, circle, text, line, ellipse)"
PATIENCE_MS = 30_000


@pytest.fixture(scope="module")
def app(npm: Npm, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's script, bundled."""
    npm("run", "build")
    folder = tmp_path_factory.mktemp("app")
    modules = folder / "node_modules"
    modules.mkdir()
    (modules / "yardmaster-client").symlink_to(CLIENT)
    for name in ("react", "react-dom", "@types"):
        (modules / name).symlink_to(CLIENT / "node_modules" / name)
    (folder / "App.tsx").write_text(APP)
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": STRICT, "files": ["App.tsx"]}))
    tool("tsc", cwd=folder)
    tool("esbuild", "App.tsx", "--bundle", "--format=esm", "--jsx=automatic", "--outfile=app.js", cwd=folder)
    return folder / "app.js"


def tool(name: str, *arguments: str, cwd: Path) -> None:
    command = [CLIENT / "node_modules" / ".bin" / name, *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def web(database_url: str) -> Iterator[Web]:
    with fake_openai.running() as fake:
        model = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": fake.base_url}
        with fleet(database_url, **model) as ([web], _):
            yield web


def test_the_page_of_the_docs_draws_a_canvas_while_the_model_does(app: Path, browser: Browser, web: Web):
    """On the server's own origin, as behind a team's web server that hands /api on."""
    page = browser.new_context(bypass_csp=True).new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"http://127.0.0.1:{web.port}/api/ai-agent/livez")
    page.evaluate("token => sessionStorage.setItem('token', token)", issue(SECRET, "ann"))
    page.set_content('<div id="root"></div>')
    page.add_script_tag(path=app, type="module")
    page.get_by_label("What to draw").first.fill("a flow [fake:good objects=24 chunk_delay_s=0.05 title=A_flow]")
    page.get_by_role("button", name="Draw").click()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    page.wait_for_function(f"() => document.querySelectorAll('{SHAPES}').length > 3")
    assert page.get_by_role("heading").count() == 0, "it did not grow, but came at once"
    expect(page.get_by_role("heading", name="A flow")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator(SHAPES)).to_have_count(24)
    page.close()
